"""Finished comparisons in a file, so that hours of them can be run in several sittings."""

import json
from pathlib import Path

from benchmarks.peers.suite_comparison import Compared


class KeptResults:
    """A comparison a line, each under what was compared; the last one counts. Nothing is kept without a file."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path is not None and path.exists() else []
        self._found = {key: Compared(**fields) for key, fields in map(json.loads, lines)}

    def get(self, key: str) -> Compared | None:
        """What was found before."""
        return self._found.get(key)

    def keep(self, key: str, found: Compared) -> None:
        """Append it."""
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([key, found._asdict()]) + "\n")
