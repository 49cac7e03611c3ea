"""The Temporal CLI: found, downloaded or built. `python -m workers.temporal_cli` prints where it is."""

import asyncio
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from temporalio.testing import WorkflowEnvironment

from workers.errors import TemporalCliUnavailable, WorkersError
from workers.settings import Settings

MODULE = "github.com/temporalio/cli/cmd/temporal@v1.5.1"
"""The newest release that `go install` takes: later ones carry a replace directive."""

DOWNLOAD_SECONDS = 90.0
BUILD_SECONDS = 1800.0
REPORT_SECONDS = 15.0


def cache_directory() -> Path:
    """The user's cache for this program, by the XDG Base Directory Specification."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "voicehive" / "bin"


def find_cli(settings: Settings) -> Path | None:
    """The CLI that is on this machine: the configured one, else the one on PATH, else the cached one.

    Raises `TemporalCliUnavailable` where the configured one cannot be run.
    """
    configured = settings.temporal_cli
    if configured is not None:
        if shutil.which(configured) is None:
            raise TemporalCliUnavailable(
                f"VOICEHIVE_TEMPORAL_CLI: {configured} is not an executable file: correct it, "
                "or unset it to have the Temporal CLI searched for"
            )
        return configured
    found = shutil.which("temporal") or shutil.which(cache_directory() / "temporal")
    return Path(found) if found else None


def temporal_cli(settings: Settings, console: Console | None = None) -> Path:
    """Find the CLI, or put it into the cache: the SDK's download first, then a build with Go, told on `console`.

    Only one process does so at a time, and an unfinished one is never found. Blocks for minutes where it has to build.
    Raises `TemporalCliUnavailable`, which says what is missing and how to get it.
    """
    found = find_cli(settings)
    if found is not None:
        return found
    console = console or Console(stderr=True, highlight=False)
    cache = cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    with _only_one_at_a_time(cache / "temporal.lock", console):
        found = find_cli(settings)
        if found is not None:
            return found
        with tempfile.TemporaryDirectory(dir=cache, prefix="unfinished-") as directory:
            obtained = _download(Path(directory), console) or _build(Path(directory), console)
            return obtained.replace(cache / "temporal")


def _download(directory: Path, console: Console) -> Path | None:
    """The server binary that the SDK downloads for its own tests; None where the internet is out of reach."""
    with _progress(console, "Downloading the Temporal CLI"):
        try:
            asyncio.run(_download_by_starting(directory))
        except (RuntimeError, TimeoutError) as error:
            reason = str(error).partition(" for url")[0] or f"not done within {DOWNLOAD_SECONDS:g} s"
            console.print(f"The Temporal CLI could not be downloaded ({reason}).", style="dim", soft_wrap=True)
    return next((path for path in directory.glob("temporal-*") if path.suffix != ".downloading"), None)


async def _download_by_starting(directory: Path) -> None:
    # The SDK has no download alone: it downloads when it starts the server, which also shows that the binary runs here.
    async with asyncio.timeout(DOWNLOAD_SECONDS):
        environment = await WorkflowEnvironment.start_local(download_dest_dir=str(directory))  # pyright: ignore[reportUnknownMemberType]
        async with environment:
            pass


def _build(directory: Path, console: Console) -> Path:
    go = shutil.which("go")
    if go is None:
        raise TemporalCliUnavailable(
            "the Temporal CLI is not on this machine, could not be downloaded, and there is no Go to build it with. "
            "Do one of these: install Go 1.24 or newer (https://go.dev/doc/install; on Debian and Ubuntu "
            "`apt-get install golang`) and run this again; or install the CLI "
            "(https://docs.temporal.io/cli) and set VOICEHIVE_TEMPORAL_CLI to it; or set TEMPORAL_ADDRESS to a "
            "Temporal server you have"
        )
    with _progress(console, "Building the Temporal CLI with Go (3 to 4 minutes, this once)") as report:
        output = _go_install(go, directory, report)
    built = directory / "temporal"
    if not built.is_file():
        raise TemporalCliUnavailable(
            f"`go install {MODULE}` failed:\n{output}\nCorrect that and run this again, or set VOICEHIVE_TEMPORAL_CLI "
            "to a Temporal CLI"
        )
    return built


def _go_install(go: str, directory: Path, report: "Progress") -> str:
    """Build into `directory`, telling each package as it is compiled; returns the end of what Go said."""
    environment = {**os.environ, "GOBIN": str(directory), "GOFLAGS": ""}
    with subprocess.Popen(
        [go, "install", "-v", MODULE],
        cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    ) as build:  # fmt: skip
        overdue = threading.Timer(BUILD_SECONDS, build.kill)
        overdue.start()
        lines: list[str] = []
        try:
            for line in build.stdout or ():
                lines.append(line.rstrip())
                report.step(line.strip())
        finally:
            overdue.cancel()
            build.kill()
    return "\n".join(lines[-15:])


class Progress:
    """What is being done and for how long: one live line on a terminal, elsewhere a line now and then."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._began = time.monotonic()
        self._steps = 0
        self._latest = ""
        self._ended = threading.Event()

    def step(self, latest: str) -> None:
        """Note one more thing done."""
        self._steps += 1
        self._latest = latest

    def end(self) -> None:
        """Stop telling."""
        self._ended.set()

    def tell(self) -> None:
        """Keep telling until `end`."""
        if not self._console.is_terminal:
            self._console.print(f"{self._title} ...")
            while not self._ended.wait(REPORT_SECONDS):
                self._console.print(f"  {self._line()}", soft_wrap=True)
            return
        with self._console.status(self._title) as status:
            while not self._ended.wait(0.2):
                status.update(f"{self._title}: {self._line()}")

    def _line(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        steps = f", {self._steps} packages, now {self._latest[:60]}" if self._steps else ""
        return f"{minutes}:{seconds:02d} elapsed{steps}"


@contextmanager
def _progress(console: Console, title: str) -> Generator[Progress]:
    progress = Progress(console, title)
    teller = threading.Thread(target=progress.tell, daemon=True)
    teller.start()
    try:
        yield progress
    finally:
        progress.end()
        teller.join()


@contextmanager
def _only_one_at_a_time(path: Path, console: Console) -> Generator[None]:
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with _progress(console, "Waiting for another process that is getting the Temporal CLI"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Print the CLI's path, obtaining the CLI first where need be."""
    try:
        print(temporal_cli(Settings.load()))
    except WorkersError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
