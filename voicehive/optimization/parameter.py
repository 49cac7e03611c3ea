"""What a decision may change: its domain, its value today, and how far one decision may move it."""

import math
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, FiniteFloat, model_validator

from voicehive.model import Model

_MOST_INTEGERS = 2**50
"""More cells than doubles between 0 and 1 tell apart safely."""

Setting: TypeAlias = int | float | str | bool
"""One value of one parameter."""

Settings: TypeAlias = dict[str, Setting]
"""A value for every parameter of a problem, by the parameter's name."""


class Parameter(Model):
    """One thing the decision may change.

    Numbers (`integer`, `real`) have `low` and `high`; a real one on a `log` scale is searched by its logarithm, for
    what spans orders of magnitude. A `categorical` one has `choices`, a `boolean` one is true or false, a `fixed` one
    stays at `current` and is only there to be named by formulas and evaluators.

    `maximum_change` bounds one decision's step from `current`: absolute, in the parameter's own unit. Categories may
    only be reached from the current one within `maximum_change` places of their order, where it is given; a boolean
    with `maximum_change` 0 stays as it is.
    """

    name: str = Field(min_length=1)
    kind: Literal["integer", "real", "categorical", "boolean", "fixed"]
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    scale: Literal["linear", "log"] = "linear"
    choices: tuple[str, ...] = ()
    current: Setting
    maximum_change: Annotated[FiniteFloat, Field(ge=0)] | None = None
    unit: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> "Parameter":
        fault = self._fault_of_domain() or self.fault_of(self.current)
        if fault:
            raise ValueError(f"parameter {self.name!r}: {fault}")
        return self

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers between bounds."""
        return self.kind in ("integer", "real")

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest number within the bounds and within `maximum_change` of the current one."""
        if self.low is None or self.high is None or isinstance(self.current, str):
            raise TypeError(f"parameter {self.name!r} is {self.kind}: it has reachable_choices, not bounds")
        reach = math.inf if self.maximum_change is None else self.maximum_change
        low, high = max(self.low, self.current - reach), min(self.high, self.current + reach)
        return (math.ceil(low), math.floor(high)) if self.kind == "integer" else (low, high)

    @property
    def reachable_choices(self) -> tuple[Setting, ...]:
        """The values that are no numbers between bounds and may be chosen now, in their order."""
        if self.kind == "fixed":
            return (self.current,)
        if self.kind == "boolean":
            return (self.current,) if self.maximum_change == 0 else (False, True)
        if self.maximum_change is None:
            return self.choices
        place = self.choices.index(str(self.current))
        reach = math.floor(self.maximum_change)
        return self.choices[max(0, place - reach) : place + reach + 1]

    @property
    def cells(self) -> int:
        """How many values may be chosen now; 0 for a real one, which has too many to count."""
        if self.kind == "real":
            return 0
        if self.kind != "integer":
            return len(self.reachable_choices)
        low, high = self.bounds
        return int(high - low) + 1

    def fault_of(self, value: Setting) -> str | None:
        """Say what is wrong with a value for this parameter, or None where it may be chosen."""
        if self.numeric:
            return self._fault_of_number(value)
        if self.kind == "boolean" and not isinstance(value, bool):
            return f"{value!r} is not true or false"
        if self.kind == "categorical" and value not in self.choices:
            return f"{value!r} is not one of the choices {list(self.choices)}"
        if value in self.reachable_choices:
            return None
        if self.kind == "categorical":
            return f"{value!r} is more than {self.maximum_change:g} places from the current {self.current!r}"
        return f"{value!r} is not the current {self.current!r}, which stays as it is"

    def _fault_of_number(self, value: Setting) -> str | None:
        numeric = int if self.kind == "integer" else (int, float)
        if isinstance(value, bool) or not isinstance(value, numeric):
            return f"{value!r} is not {'an integer' if self.kind == 'integer' else 'a number'}"
        if self.low is not None and self.high is not None and not self.low <= value <= self.high:
            return f"{value:g} is outside {self.low:g} to {self.high:g}"
        low, high = self.bounds
        if not low <= value <= high:
            return f"{value:g} is more than {self.maximum_change:g} from the current {self.current:g}"
        return None

    def _fault_of_domain(self) -> str | None:
        if not self.numeric and (self.low is not None or self.high is not None):
            return "low and high belong to numbers; list a category's values in choices"
        if self.kind != "categorical" and self.choices:
            return f"choices belong to kind 'categorical', not to {self.kind!r}; give low and high"
        if self.scale == "log" and self.kind != "real":
            return f"scale 'log' belongs to kind 'real', not to {self.kind!r}; remove it"
        if self.kind == "fixed" and self.maximum_change is not None:
            return "a fixed parameter does not change; remove maximum_change"
        return self._fault_of_bounds() if self.numeric else self._fault_of_choices()

    def _fault_of_choices(self) -> str | None:
        if self.kind == "categorical" and not self.choices:
            return "choices is empty; list the categories in their order"
        if len(set(self.choices)) < len(self.choices):
            return f"choices {list(self.choices)} holds a category twice; keep one of each"
        return None

    def _fault_of_bounds(self) -> str | None:
        if self.low is None or self.high is None:
            return "low and high are both required for a number"
        if self.low > self.high:
            return f"low {self.low:g} is above high {self.high:g}; swap them"
        if self.scale == "log" and self.low <= 0:
            return f"low {self.low:g} has no logarithm; a log scale needs a low above 0"
        if self.kind == "integer" and self.high - self.low >= _MOST_INTEGERS:
            return f"{self.low:g} to {self.high:g} are too many integers to tell apart (2^50); narrow them"
        if not math.isfinite(self.high - self.low) or (self.scale == "log" and not math.isfinite(self.high / self.low)):
            return f"{self.low:g} to {self.high:g} is too wide for floating point; narrow it"
        return None
