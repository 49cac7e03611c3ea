"""Finding and building the Temporal CLI, with programs of our own in the place of Go and of the CLI.

The SDK's download is sent to a proxy that does not exist, so that these tests never fetch anything.
"""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from workers import temporal_cli as module
from workers.errors import TemporalCliUnavailable
from workers.settings import Settings
from workers.temporal_cli import find_cli, temporal_cli

ROOT = Path(__file__).parents[2]
GO = """#!/bin/sh
echo built >> {log}
echo github.com/temporalio/cli/internal
{work}
printf '#!/bin/sh\\necho a temporal\\n' > "$GOBIN/temporal" && chmod +x "$GOBIN/temporal"
"""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has nothing: an empty PATH but for the system's own tools, an empty cache and no internet."""
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("VOICEHIVE_TEMPORAL_CLI", raising=False)
    return tmp_path


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def with_go(machine: Path, work: str = "") -> Path:
    """Put a Go on PATH that builds a CLI after doing `work`; returns the file with a line for each build."""
    log = machine / "builds"
    program(machine / "path" / "go", GO.format(log=log, work=work))
    return log


def test_order_of_preference(machine: Path) -> None:
    cached = program(machine / "cache" / "voicehive" / "bin" / "temporal")
    assert find_cli(Settings()) == cached
    on_path = program(machine / "path" / "temporal")
    assert find_cli(Settings()) == on_path
    configured = program(machine / "mine")
    assert find_cli(Settings(temporal_cli=configured)) == configured


@pytest.mark.parametrize("mode", [None, 0o644])
def test_configured_cli_must_be_a_program(machine: Path, mode: int | None) -> None:
    program(machine / "path" / "temporal")
    configured = machine / "mine"
    if mode is not None:
        program(configured).chmod(mode)
    with pytest.raises(TemporalCliUnavailable, match=f"VOICEHIVE_TEMPORAL_CLI: {configured} is not an executable file"):
        temporal_cli(Settings(temporal_cli=configured))


def test_builds_once_into_the_cache_and_says_so(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPORT_SECONDS", 0.2)
    log = with_go(machine, work="sleep 1")
    said = io.StringIO()
    built = temporal_cli(Settings(), Console(file=said))
    assert built == machine / "cache" / "voicehive" / "bin" / "temporal"
    assert subprocess.run([built], capture_output=True, check=True).stdout == b"a temporal\n"
    assert temporal_cli(Settings()) == built
    assert log.read_text() == "built\n"
    assert "Building the Temporal CLI with Go" in said.getvalue()
    assert " elapsed, 1 packages, now github.com/temporalio/cli/internal" in said.getvalue()


def test_two_processes_build_once(machine: Path) -> None:
    log = with_go(machine, work="sleep 2")
    command = [sys.executable, "-m", "workers.temporal_cli"]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = {process.communicate(timeout=60)[0].strip() for process in both}
    assert printed == {str(machine / "cache" / "voicehive" / "bin" / "temporal")}
    assert log.read_text() == "built\n"


def test_a_build_that_was_killed_is_never_found(machine: Path) -> None:
    log = with_go(machine, work='echo half > "$GOBIN/temporal"; chmod +x "$GOBIN/temporal"; exec sleep 30')
    command = [sys.executable, "-m", "workers.temporal_cli"]
    building = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    os.killpg(building.pid, signal.SIGKILL)
    building.wait()
    assert find_cli(Settings()) is None
    with_go(machine)
    assert temporal_cli(Settings()).read_text().startswith("#!/bin/sh")


def test_failed_build_shows_what_go_said(machine: Path) -> None:
    program(machine / "path" / "go", "#!/bin/sh\necho dial tcp: lookup failed >&2\nexit 1\n")
    with pytest.raises(TemporalCliUnavailable, match="dial tcp: lookup failed"):
        temporal_cli(Settings())


def test_machine_without_go_is_told_the_ways_out(machine: Path) -> None:
    command = [sys.executable, "-m", "workers.temporal_cli"]
    ended = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stdout == ""
    for way_out in ("install Go", "VOICEHIVE_TEMPORAL_CLI", "TEMPORAL_ADDRESS"):
        assert way_out in ended.stderr
    assert "Traceback" not in ended.stderr
