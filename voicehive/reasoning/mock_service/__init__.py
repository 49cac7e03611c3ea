"""A service with OpenAI's Responses API for tests and rehearsals: deterministic by content, with faults on demand."""
