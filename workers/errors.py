"""What can go wrong between this program and Temporal, each with the next thing to do."""


class WorkersError(Exception):
    """Anything this package raises; the message is written for the person at the terminal."""


class SettingsInvalid(WorkersError):
    """A VOICEHIVE_ or TEMPORAL_ setting cannot be used; the message names it."""


class TemporalCliUnavailable(WorkersError):
    """The Temporal CLI was neither found nor could it be obtained."""


class ServerAlreadyRunning(WorkersError):
    """Another process serves this data directory."""


class ServerStartFailed(WorkersError):
    """The embedded server did not become ready."""


class TemporalUnreachable(WorkersError):
    """No usable Temporal server answers at the address in force."""


class SearchAttributesRefused(WorkersError):
    """The server lacks the search attributes and will not let this client add them."""
