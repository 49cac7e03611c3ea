"""Facts drawn around what rules ask: where a rule comes true or false is near the constants that stand in it."""

import math
import sys
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from voicehive.autonomy.context import Variables, relative_change
from voicehive.autonomy.context_schema import DeclaredFact
from voicehive.autonomy.policy import When
from voicehive.autonomy.rules import Rule, RuleBook

_ELSEWHERE = "elsewhere"
_NEAR = (1.0, 1.0, 0.999, 1.001, 0.9, 1.1)


class FactSampler:
    """Draws the variables that rules of one `when` read.

    Numbers come from the constants of the rules and the policy's limits, exactly and just beside them, from the bounds
    that the policy declares, from ratios to one another, and from six decades; texts from constants, and from what
    only begins with them. What a rule asks for by `has` or `in` is at times absent.
    """

    def __init__(self, rules: Sequence[Rule], book: RuleBook, when: When, random: Random) -> None:
        self._random = random
        self._rules = rules
        self._schema = book.schema
        self._when: When = when
        constants = [constant for rule in rules for constant in rule.compiled.constants]
        numbers = [float(c) for c in constants if isinstance(c, int | float) and not isinstance(c, bool)]
        self._numbers = [*numbers, *book.limits.values()]
        self._texts = [c for c in constants if isinstance(c, str)]
        readings = {reading for rule in rules for reading in rule.compiled.readings}
        self._keys = {
            variable: sorted({r.key for r in readings if r.variable == variable and r.key is not None})
            for variable in ("current", "proposed", "settings", "arguments", "compensation", "result")
        }
        self._optional = {(r.variable, r.key) for r in readings if r.tested}

    def draw(self) -> Variables:
        """The variables of one decision or step in which every rule applies, where their scopes allow it."""
        place = {"tenant": self._place("tenants"), "deployment": self._place("deployments")}
        drawn = place | {"kind": self._place("kinds")} | (self._decision() if self._when == "verdict" else self._step())
        return drawn | ({"result": self._map("result", self._anything)} if self._when == "after" else {})

    def _decision(self) -> Variables:
        names = sorted(set(self._keys["current"]) | set(self._keys["proposed"]))
        current = {name: self._number(self._declared("current", name)) for name in names}
        proposed = {name: self._beside(current[name], self._declared("proposed", name)) for name in names}
        settings = self._map("settings", self._anything)
        return {
            "requester": self._text(),
            "current": self._some("current", current),
            "proposed": self._some("proposed", proposed),
            "settings": settings,
            "unknown": self._names([*settings]),
            "changed": self._names([*settings]),
            "largest_change": abs(self._number(None)) if self._random.random() < 0.7 else self._random.random(),
            "confidence": min(abs(self._number(None)), 1.0) if self._random.random() < 0.4 else self._random.random(),
            "feasible": self._random.random() < 0.9,
        }

    def _step(self) -> Variables:
        parameter, earlier = self._text(), self._anything(None)
        value = self._anything(self._declared("settings", parameter))
        if self._random.random() < 0.5 and _is_number(earlier):
            value = self._beside(float(earlier), None)
        arguments = self._map("arguments", self._anything) | {"name": parameter, "value": value}
        return {
            "step": self._text(),
            "action": self._random.choice(["parameter.set", self._text()]),
            "arguments": arguments,
            "compensation": self._map("compensation", self._anything),
            "parameter": parameter,
            "value": value,
            "earlier": earlier,
            "change": relative_change(earlier, value),
        }

    def _place(self, scope: str) -> str:
        """A name in which all rules with such a scope apply, or any where they have none."""
        named: list[tuple[str, ...]] = [getattr(rule.constraint, scope) for rule in self._rules]
        scopes = [set(names) for names in named if names]
        if not scopes:
            return self._text()
        return self._random.choice(sorted(scopes[0].intersection(*scopes)) or sorted(scopes[0].union(*scopes)))

    def _map(self, variable: str, draw: Callable[[DeclaredFact | None], Any]) -> dict[str, Any]:
        drawn = {name: draw(self._declared(variable, name)) for name in self._keys[variable]}
        return self._some(variable, drawn)

    def _some(self, variable: str, values: dict[str, Any]) -> dict[str, Any]:
        """Without some of those that the rules ask for first."""
        return {
            name: value
            for name, value in values.items()
            if (variable, name) not in self._optional or self._random.random() < 0.6
        }

    def _declared(self, variable: str, name: str) -> DeclaredFact | None:
        return (self._schema.declared(variable) or {}).get(name)

    def _names(self, settings: list[str]) -> list[str]:
        pool = [*self._texts, *settings, _ELSEWHERE]
        return self._random.sample(pool, min(len(pool), self._random.choice([0, 0, 1, 2, 3])))

    def _text(self) -> str:
        base = self._random.choice([*self._texts, _ELSEWHERE])
        return base if self._random.random() < 0.6 else base + self._random.choice(["x", ".x", "1"])

    def _anything(self, declared: DeclaredFact | None) -> Any:
        if declared is not None:
            return self._of_type(declared)
        kinds: list[Callable[[], Any]] = [
            lambda: self._number(None),
            lambda: self._number(None),
            lambda: round(self._number(None)),
            self._text,
            lambda: self._random.random() < 0.5,
            lambda: None,
        ]
        return self._random.choice(kinds)()

    def _of_type(self, declared: DeclaredFact) -> Any:
        if declared.type == "boolean":
            return self._random.random() < 0.5
        if declared.type == "text":
            return self._random.choice(declared.values) if declared.values else self._text()
        number = self._number(declared)
        return round(number) if declared.type == "integer" else number

    def _number(self, declared: DeclaredFact | None) -> float:
        low, high = (None, None) if declared is None else (declared.minimum, declared.maximum)
        choice = self._random.random()
        if self._numbers and choice < 0.45:
            constant = self._random.choice(self._numbers)
            drawn = constant * self._random.choice(_NEAR)
            drawn += self._random.choice([1.0, -1.0]) if abs(constant) >= 1 and self._random.random() < 0.4 else 0.0
        elif low is not None and high is not None:
            drawn = self._random.choice([low, high, self._random.uniform(low, high), self._random.uniform(low, high)])
        else:
            sign = self._random.choice([1, 1, 1, 1, -1])
            drawn = self._random.choice(
                [0.0, sign * math.exp(self._random.uniform(-7, 14)), *filter(None, (low, high))]
            )
        return _within(declared, drawn)

    def _beside(self, other: float, declared: DeclaredFact | None) -> float:
        """A number in some relation to another: equal, a constant's multiple or distance away, or anything."""
        choice = self._random.random()
        if choice < 0.15:
            return other
        if choice < 0.6:
            return _within(declared, other * self._random.choice([*self._numbers, 1.0]) * self._random.choice(_NEAR))
        if choice < 0.75:
            away = self._random.choice([*self._numbers, 1.0]) * self._random.choice([1.0, -1.0, 0.5, -0.5])
            return _within(declared, other + away)
        return self._number(declared)


def _within(declared: DeclaredFact | None, number: float) -> float:
    """The number, or the bound that it would pass."""
    low = -sys.float_info.max if declared is None or declared.minimum is None else declared.minimum
    high = sys.float_info.max if declared is None or declared.maximum is None else declared.maximum
    return float(min(max(number, low), high))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
