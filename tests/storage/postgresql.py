"""A throw-away PostgreSQL cluster from Debian's binaries, on a Unix socket only."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

HOW_TO_GET_IT = "PostgreSQL's binaries are not here; get them with: apt-get install postgresql"


def find_binaries() -> Path | None:
    """The folder of the newest installed version, or None."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(folders, key=lambda folder: int(folder.parent.name), default=None)


@contextmanager
def cluster(binaries: Path) -> Generator[str]:
    """Yields a URL of the cluster's database; stops and removes everything at the end."""
    # A short path: a Unix socket's may not pass 107 bytes. The server refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="voicehive-pg-", dir="/tmp"))
    as_owner: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        as_owner = ["runuser", "-u", "postgres", "--"]

    def run(program: str, *arguments: str) -> None:
        command = [*as_owner, str(binaries / program), *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"

    data = str(folder / "data")
    try:
        run("initdb", "--pgdata", data, "--username=voicehive", "--auth=trust", "--encoding=UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_connections=60"
        run("pg_ctl", "start", "--wait", "--pgdata", data, "--log", str(folder / "log"), "--options", options)
        try:
            yield f"postgresql://voicehive@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "--wait", "--pgdata", data, "--mode=immediate")
    finally:
        shutil.rmtree(folder)
