"""The engines of VoiceHive Supervisor, as a plain library: nothing here needs a server."""
