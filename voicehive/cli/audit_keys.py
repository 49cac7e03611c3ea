"""The keys and files that the audit commands are given, and how their failures end a command."""

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from voicehive.audit.errors import AuditError, CosignatureRefused, ProofInvalid, PurgeBlocked, TimestampInvalid
from voicehive.audit.keys import KEY_FILE, KEY_FILE_VARIABLE, KEY_VARIABLE, SigningKey, VerifyingKey, find_signing_key
from voicehive.audit.timestamps import TimestampAuthority
from voicehive.cli.errors import CommandError, InputInvalid
from voicehive.cli.exit_codes import ExitCode
from workers.settings import Settings

HOW_TO_SIGN = f"make a key with `voicehive audit keygen NAME`, or set {KEY_VARIABLE} or {KEY_FILE_VARIABLE}"


class NotVerified(CommandError):
    """What should be proven is not."""

    exit_code = ExitCode.REJECTED


class NotCosigned(CommandError):
    """The witness refuses."""

    exit_code = ExitCode.REFUSED


class NotPurged(CommandError):
    """What was destroyed may still be found in the database's files."""

    exit_code = ExitCode.UNEXPECTED


@contextmanager
def told() -> Generator[None]:
    """Tell a failure of the audit log as a command tells its own."""
    try:
        yield
    except CosignatureRefused as error:
        raise NotCosigned(str(error)) from None
    except (ProofInvalid, TimestampInvalid) as error:
        raise NotVerified(str(error)) from None
    except PurgeBlocked as error:
        raise NotPurged(str(error)) from None
    except AuditError as error:
        raise InputInvalid(str(error)) from None


def own_key(settings: Settings) -> SigningKey | None:
    """This installation's signing key, or None where it has none."""
    return find_signing_key(os.environ, settings.data_directory)


def required_key(settings: Settings) -> SigningKey:
    """This installation's signing key.

    Raises:
        InputInvalid: it has none.
    """
    if (key := own_key(settings)) is None:
        raise InputInvalid(f"there is no signing key in {settings.data_directory / KEY_FILE}: {HOW_TO_SIGN}")
    return key


def verifying_keys(given: Sequence[str]) -> list[VerifyingKey]:
    """Keys, each given as itself or as the file that holds it.

    Raises:
        InputInvalid: a file cannot be read.
        KeyInvalid: it is no verifying key.
    """
    return [VerifyingKey.parse(read_text(Path(one)) if Path(one).is_file() else one) for one in given]


def logs(given: Sequence[str]) -> list[VerifyingKey]:
    """The keys of the logs to trust: those given, else this installation's own.

    Raises:
        InputInvalid: there is neither.
    """
    if given:
        return verifying_keys(given)
    if (key := own_key(Settings.load())) is None:
        raise InputInvalid("--log: give the verifying key of the log, as `voicehive audit keygen` printed it")
    return [key.verifying]


def read_text(path: Path) -> str:
    """A small text file.

    Raises:
        InputInvalid: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputInvalid(f"{path}: cannot be read ({reason}); check the path") from None


def read_authority(name: str, roots: Path) -> TimestampAuthority:
    """A time-stamping authority, with the root certificates of a PEM file.

    Raises:
        InputInvalid: the file cannot be read.
        KeyInvalid: it holds no certificates.
    """
    return TimestampAuthority.parse(name, read_text(roots).encode())
