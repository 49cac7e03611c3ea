"""What can go wrong with the store."""


class StorageError(Exception):
    """Anything this package raises."""


class DatabaseUrlInvalid(StorageError):
    """The URL names no database this program can use; the message shows one that it can."""


class DatabaseUnavailable(StorageError):
    """The database does not answer, or refuses the connection."""


class VersionConflict(StorageError):
    """Compare-and-set found another version than the one expected."""

    def __init__(self, what: str, expected: int, found: int) -> None:
        super().__init__(f"{what} is at version {found}, not {expected} as expected: it was changed in between")


class KeyWithdrawn(StorageError):
    """What is filed under this idempotency key was compensated, so it may no longer be applied."""


class KeyReused(StorageError):
    """The idempotency key already stands for another action, or for the same one with other arguments."""
