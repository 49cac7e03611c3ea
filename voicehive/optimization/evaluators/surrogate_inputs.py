"""Maps settings to the coordinates that a surrogate learns over."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.arrays import Floats
from voicehive.optimization.errors import InvalidData
from voicehive.optimization.formulas.expression import kind_of
from voicehive.optimization.parameter import Parameter


class SurrogateInputs:
    """Coordinates for each parameter, which span the unit cube over the history.

    They are those of `Encoding`, but over what was observed and not over what one decision may reach: what lies beyond
    the history gets coordinates beyond 0 and 1, and is thus far from all data. A category without order has a
    coordinate of its own, 1 where it is chosen and 0 elsewhere, so that all categories are equally far apart.

    Args:
        parameters: those the history has columns for.
        history: an array (R,) for each parameter's name, without missing values.

    Raises:
        InvalidData: the history holds a value that the parameter's scale or order has no place for.
    """

    def __init__(self, parameters: Sequence[Parameter], history: Mapping[str, NDArray[Any]]) -> None:
        self._parameters = tuple(parameters)
        self._categories: dict[str, tuple[str, ...]] = {}
        self._range: dict[str, tuple[float, float]] = {}
        for parameter in parameters:
            values = history[parameter.name]
            if _nominal(parameter):
                seen = sorted(set(values.tolist()))
                self._categories[parameter.name] = tuple(dict.fromkeys((*parameter.choices, *seen)))
            else:
                _refuse_misfits(parameter, values)
                numbers = _numbers(parameter, values)
                self._range[parameter.name] = (float(numbers.min()), float(np.ptp(numbers)) or _reach(parameter))

    def encode(self, columns: Mapping[str, NDArray[Any]]) -> Floats:
        """Turn columns, an array (N,) for each parameter's name, into coordinates (N, D)."""
        return np.concatenate([self._encode(p, columns[p.name]) for p in self._parameters], axis=1)

    def _encode(self, parameter: Parameter, values: NDArray[Any]) -> Floats:
        if _nominal(parameter):
            return np.stack([values == category for category in self._categories[parameter.name]], axis=1).astype(
                np.float64
            )
        low, width = self._range[parameter.name]
        return (_numbers(parameter, values)[:, None] - low) / width


def _nominal(parameter: Parameter) -> bool:
    """Whether its values are texts without an order: a category's steps are only bounded where it has one."""
    return kind_of(parameter) == "text" and parameter.maximum_change is None


def _numbers(parameter: Parameter, values: NDArray[Any]) -> Floats:
    if parameter.kind == "categorical":
        places = {choice: float(place) for place, choice in enumerate(parameter.choices)}
        return np.array([places[value] for value in values.tolist()])
    numbers = values.astype(np.float64)
    return np.log(numbers) if parameter.scale == "log" else numbers


def _reach(parameter: Parameter) -> float:
    """The width of what can be chosen, in terms of `_numbers`: it scales what the history never varied."""
    if not parameter.numeric:
        return max(1.0, len(parameter.reachable_choices) - 1.0)
    low, high = _numbers(parameter, np.array(parameter.bounds))
    return float(high - low) or 1.0


def _refuse_misfits(parameter: Parameter, values: NDArray[Any]) -> None:
    if parameter.kind == "categorical":
        strangers = sorted(set(values.tolist()).difference(parameter.choices))
        if strangers:
            raise InvalidData(
                f"parameter {parameter.name!r}: the history holds {strangers[0]!r}, which has no place among the "
                f"ordered choices {list(parameter.choices)}; add it there, or leave maximum_change out"
            )
    elif parameter.scale == "log" and values.min() <= 0:
        raise InvalidData(
            f"parameter {parameter.name!r}: the history holds {values.min():g}, which has no logarithm; "
            "use a linear scale, or remove those rows"
        )
