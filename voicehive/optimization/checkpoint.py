"""A search's whole state as bytes, from which any process can go on with it."""

import io
import json
import zipfile
from typing import Any, NamedTuple

import numpy as np

from voicehive.optimization.arrays import Floats
from voicehive.optimization.errors import InvalidCheckpoint
from voicehive.optimization.evolution.population import Population


class Snapshot(NamedTuple):
    """The front after so many evaluations: its size, and at most a few dozen of its rows (K, M), minimised."""

    evaluations: int
    front: int
    rows: Floats


class Checkpoint(NamedTuple):
    """What a search needs to go on, and what its result is made from.

    `origin` names the problem and seed; `scale` is the ideal and nadir (2, M) that a weighted sum is measured by, once
    they are settled; `given` counts the points tried that were known without a search.
    """

    origin: str
    generation: int
    evaluations: int
    quarantined: int
    seconds: float
    current: Population
    population: Population
    archive: Population
    snapshots: tuple[Snapshot, ...]
    scale: Floats | None
    given: int = 0

    def to_bytes(self) -> bytes:
        """Write it as a compressed NumPy archive: numbers and text, nothing that could be executed."""
        counters = {name: getattr(self, name) for name in _COUNTERS}
        counters["snapshots"] = [[snapshot.evaluations, snapshot.front] for snapshot in self.snapshots]
        arrays: dict[str, Any] = {f"snapshot_{place}": snapshot.rows for place, snapshot in enumerate(self.snapshots)}
        arrays["counters"] = np.array(json.dumps(counters))
        for name in _POPULATIONS:
            parts = getattr(self, name)._asdict()
            arrays |= {f"{name}_{part}": array for part, array in parts.items()}
        if self.scale is not None:
            arrays["scale"] = self.scale
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, origin: str) -> "Checkpoint":
        """Read what `to_bytes` wrote.

        Raises:
            InvalidCheckpoint: damaged, or of another problem or seed than `origin`.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                counters = json.loads(str(arrays["counters"]))
                current, population, archive = (_population(arrays, name) for name in _POPULATIONS)
                found = cls(
                    **{name: counters[name] for name in _COUNTERS if name in counters},
                    current=current,
                    population=population,
                    archive=archive,
                    snapshots=tuple(
                        Snapshot(evaluations, front, arrays[f"snapshot_{place}"])
                        for place, (evaluations, front) in enumerate(counters["snapshots"])
                    ),
                    scale=arrays.get("scale"),
                )
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError, OSError, EOFError) as error:
            raise InvalidCheckpoint(f"the checkpoint is damaged ({error}); start the search anew") from error
        if found.origin != origin:
            raise InvalidCheckpoint("the checkpoint belongs to another problem or seed; start the search anew")
        return found


_COUNTERS = ("origin", "generation", "evaluations", "quarantined", "seconds", "given")
_POPULATIONS = ("current", "population", "archive")


def _population(arrays: "np.lib.npyio.NpzFile", name: str) -> Population:
    return Population(*(arrays[f"{name}_{part}"] for part in Population._fields))
