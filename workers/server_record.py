"""The file by which one embedded server owns a data directory and tells others where it listens."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from voicehive.model import Model
from workers.errors import ServerAlreadyRunning

RECORD_NAME = "server.json"
LOCK_NAME = "server.lock"


class ServerRecord(Model):
    """Who serves a data directory and where: `address` is host:port of the gRPC front end."""

    pid: int
    address: str
    ui_url: str


def recorded_server(data_directory: Path) -> ServerRecord | None:
    """What the last server wrote, None where none runs or it has not yet come up.

    After a power cut the record may name a server that is gone; whoever connects finds out.
    """
    try:
        return ServerRecord.model_validate_json((data_directory / RECORD_NAME).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def write_record(data_directory: Path, record: ServerRecord) -> None:
    """Publish the record in one step, so that no reader sees half of it."""
    unfinished = data_directory / f"{RECORD_NAME}.{os.getpid()}"
    unfinished.write_text(record.model_dump_json())
    unfinished.replace(data_directory / RECORD_NAME)


@contextmanager
def exclusive_ownership(data_directory: Path) -> Generator[None]:
    """Own the directory; the kernel gives the lock back however this process ends.

    Raises `ServerAlreadyRunning` where another process owns it.
    """
    data_directory.mkdir(parents=True, exist_ok=True)
    with (data_directory / LOCK_NAME).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServerAlreadyRunning(_who(data_directory)) from None
        (data_directory / RECORD_NAME).unlink(missing_ok=True)
        try:
            yield
        finally:
            (data_directory / RECORD_NAME).unlink(missing_ok=True)


def _who(data_directory: Path) -> str:
    record = recorded_server(data_directory)
    owner = f"process {record.pid}, web UI {record.ui_url}" if record else "a process that is still starting"
    return (
        f"a server already runs on {data_directory} ({owner}): use that one, stop it, "
        "or set VOICEHIVE_DATA_DIRECTORY to another directory"
    )
