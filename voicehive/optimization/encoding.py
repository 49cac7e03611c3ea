"""Maps settings to the unit cube that a search moves in, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.erlang_a import Floats
from voicehive.optimization.errors import InvalidCandidate
from voicehive.optimization.models import Parameter, Setting, Settings


class Encoding:
    """Coordinates in [0, 1] for each parameter, over what it may become in one decision.

    Integers and categories divide the unit interval into equal cells, each standing for one value and written as its
    centre, so that every value is equally easy to reach.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = tuple(parameters)

    def decode(self, points: Floats) -> dict[str, NDArray[Any]]:
        """Turn points (N, P) into columns: an array (N,) of values for each parameter's name."""
        return {
            parameter.name: _decode(parameter, points[:, column]) for column, parameter in enumerate(self.parameters)
        }

    def snap(self, points: Floats) -> Floats:
        """Move points (N, P) to the centres of their cells."""
        columns = self.decode(points)
        return np.stack([_encode(parameter, columns[parameter.name]) for parameter in self.parameters], axis=1)

    def encode(self, candidates: Sequence[Mapping[str, Setting]]) -> Floats:
        """Turn settings into points (N, P).

        Raises:
            InvalidCandidate: an unknown or missing parameter, or a value that it may not take in one decision.
        """
        for position, candidate in enumerate(candidates):
            self._check(position, candidate)
        values = ([candidate[parameter.name] for candidate in candidates] for parameter in self.parameters)
        pairs = zip(self.parameters, values, strict=True)
        return np.stack([_encode(parameter, np.array(column)) for parameter, column in pairs], axis=1)

    def settings(self, points: Floats) -> list[Settings]:
        """Turn points (N, P) into settings in plain Python values."""
        columns = {name: column.tolist() for name, column in self.decode(points).items()}
        return [{name: column[row] for name, column in columns.items()} for row in range(len(points))]

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
    if parameter.kind == "categorical":
        choices = np.array(parameter.reachable_choices)
        return choices[_cell(coordinate, len(choices))]
    low, high = parameter.bounds
    if parameter.kind == "integer":
        return int(low) + _cell(coordinate, int(high - low) + 1)
    return low + np.clip(coordinate, 0.0, 1.0) * (high - low)


def _encode(parameter: Parameter, values: NDArray[Any]) -> Floats:
    if parameter.kind == "categorical":
        places = {choice: place for place, choice in enumerate(parameter.reachable_choices)}
        cells = np.array([places[str(value)] for value in values])
        return (cells + 0.5) / len(places)
    low, high = parameter.bounds
    if parameter.kind == "integer":
        return (values - low + 0.5) / (high - low + 1.0)
    return (values - low) / (high - low) if high > low else np.full(len(values), 0.5)


def _cell(coordinate: Floats, cells: int) -> NDArray[np.intp]:
    return np.clip(np.floor(coordinate * cells), 0, cells - 1).astype(np.intp)
