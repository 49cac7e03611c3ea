"""Maps settings to the unit cube that a search moves in, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.arrays import Floats, rows_of
from voicehive.optimization.errors import InvalidCandidate
from voicehive.optimization.evolution.population import Space
from voicehive.optimization.parameter import Parameter, Setting, Settings


class Encoding:
    """Coordinates in [0, 1] for each parameter, over what it may become in one decision.

    What can be counted (integers, categories, booleans, what is fixed) divides the unit interval into equal cells, each
    standing for one value and written as its centre, so that every value is equally easy to reach.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = tuple(parameters)
        self._linear = [place for place, p in enumerate(parameters) if p.kind == "real" and p.scale == "linear"]
        bounds = np.array([parameters[place].bounds for place in self._linear]).reshape(-1, 2)
        self._low, self._high = bounds[:, :1], bounds[:, 1:]
        self.space = Space(
            cells=np.array([parameter.cells for parameter in parameters], dtype=np.intp),
            nominal=np.array(
                [p.kind == "categorical" and p.maximum_change is None for p in parameters], dtype=np.bool_
            ),
        )

    def decode(self, points: Floats) -> dict[str, NDArray[Any]]:
        """Turn points (N, P) into columns: an array (N,) of values for each parameter's name."""
        scaled = points.T[self._linear]
        scaled *= self._high - self._low
        scaled += self._low
        # Twice as fast as np.clip where the bounds are arrays.
        np.maximum(scaled, self._low, out=scaled)
        np.minimum(scaled, self._high, out=scaled)
        linear = dict(zip(self._linear, scaled, strict=True))
        return {
            parameter.name: linear[place] if place in linear else _decode(parameter, points[:, place])
            for place, parameter in enumerate(self.parameters)
        }

    def encode(self, candidates: Sequence[Mapping[str, Setting]]) -> Floats:
        """Turn settings into points (N, P).

        Raises:
            InvalidCandidate: an unknown or missing parameter, or a value that it may not take in one decision.
        """
        for position, candidate in enumerate(candidates):
            self._check(position, candidate)
        values = ([candidate[parameter.name] for candidate in candidates] for parameter in self.parameters)
        pairs = zip(self.parameters, values, strict=True)
        return self.encode_columns({parameter.name: np.array(column) for parameter, column in pairs})

    def encode_columns(self, columns: Mapping[str, NDArray[Any]]) -> Floats:
        """Turn columns of reachable values, an array (N,) for each parameter's name, into points (N, P)."""
        return np.stack([_encode(parameter, columns[parameter.name]) for parameter in self.parameters], axis=1)

    def settings(self, points: Floats) -> list[Settings]:
        """Turn points (N, P) into settings in plain Python values."""
        return rows_of(self.decode(points)) if self.parameters else [{} for _ in points]

    def _check(self, position: int, candidate: Mapping[str, Setting]) -> None:
        names = [parameter.name for parameter in self.parameters]
        for name in candidate:
            if name not in names:
                raise InvalidCandidate(f"candidate {position}: {name!r} is not a parameter; the problem has {names}")
        for parameter in self.parameters:
            if parameter.name not in candidate:
                raise InvalidCandidate(f"candidate {position}: parameter {parameter.name!r} is missing")
            fault = parameter.fault_of(candidate[parameter.name])
            if fault:
                raise InvalidCandidate(f"candidate {position}: parameter {parameter.name!r}: {fault}")


def _decode(parameter: Parameter, coordinate: Floats) -> NDArray[Any]:
    if not parameter.numeric:
        choices = np.array(parameter.reachable_choices)
        return choices[_cell(coordinate, len(choices))]
    low, high = parameter.bounds
    if parameter.kind == "integer":
        return int(low) + _cell(coordinate, int(high - low) + 1)
    share = np.clip(coordinate, 0.0, 1.0)
    return np.clip(np.exp(np.log(low) + share * np.log(high / low)), low, high)


def _encode(parameter: Parameter, values: NDArray[Any]) -> Floats:
    if not parameter.numeric:
        places = {choice: place for place, choice in enumerate(parameter.reachable_choices)}
        cells = np.array([places[value] for value in values.tolist()])
        return (cells + 0.5) / len(places)
    low, high = parameter.bounds
    if parameter.kind == "integer":
        return (values - low + 0.5) / (high - low + 1.0)
    if high == low:
        return np.full(len(values), 0.5)
    if parameter.scale == "log":
        return np.log(values / low) / np.log(high / low)
    return (values - low) / (high - low)


def _cell(coordinate: Floats, cells: int) -> NDArray[np.intp]:
    return np.clip(np.floor(coordinate * cells), 0, cells - 1).astype(np.intp)
