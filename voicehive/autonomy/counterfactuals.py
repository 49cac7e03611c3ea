"""Under which other facts a decision would have run alone."""

import math
from collections.abc import Iterable, Mapping

from voicehive.autonomy.boundaries import holds_beyond, nearest
from voicehive.autonomy.context import DecisionContext, Variables
from voicehive.autonomy.messages import quantity
from voicehive.autonomy.policy import Policy
from voicehive.autonomy.rules import Rule, RuleBook, holds
from voicehive.autonomy.verdict import Counterfactual, Finding, Verdict

Fact = tuple[str, str | None]
"""A variable and, of a map, one key."""
CONFIDENCE: Fact = ("confidence", None)
MOST_FACTS = 8
MOST_RULES = 50
"""With more rules violated than this, nothing near would do, and looking for it would hold up the verdict."""
_NAMES = {"largest_change": "the largest change"}
_BOUNDS = {"confidence": (0.0, 1.0), "largest_change": (0.0, math.inf)}


class Counterfactuals:
    """Looks for the nearest facts that would change one verdict.

    Only numbers that the violated rules read and that a decision can choose are moved (outcomes and settings proposed,
    the largest change, confidence), one at a time; together only where no single one is enough. What is told was
    confirmed by asking again every rule that reads what was moved.
    """

    def __init__(self, policy: Policy, rules: RuleBook, context: DecisionContext) -> None:
        self._policy = policy
        self._rules = rules
        self._context = context
        self._asked = [
            rule
            for rule in rules.applying("verdict", context.tenant, context.kind, context.deployment)
            if rule.constraint.severity != "warn"
        ]

    def of(self, variables: Variables, findings: Iterable[Finding], verdict: Verdict) -> tuple[Counterfactual, ...]:
        """Every single fact that would do, or else one combination; none where no fact would, or rules had errors."""
        if verdict == "execute" or self._policy.autonomy.asks_people_about(self._context.kind):
            return ()
        violated = self._violated(findings)
        if violated is None or len(violated) > MOST_RULES:
            return ()
        unsure = variables["confidence"] < self._policy.autonomy.threshold
        moves = self._moves(variables, violated, unsure)
        singles = [self._told(variables, {fact: value}, violated) for fact, value in moves.items()]
        if alone := [single for single in singles if single is not None]:
            return tuple(alone)
        together = self._told(variables, _covering(moves, violated, unsure), violated)
        return () if together is None else (together,)

    def _violated(self, findings: Iterable[Finding]) -> list[Rule] | None:
        """The rules on the decision that it breaks; None where anything else stands in its way too."""
        own = {rule.constraint.id: rule for rule in self._asked}
        broken = [finding for finding in findings if not finding.holds and finding.severity != "warn"]
        if not self._context.feasible or any(finding.step or finding.id not in own for finding in broken):
            return None
        return [own[finding.id] for finding in broken]

    def _moves(self, variables: Variables, violated: list[Rule], unsure: bool) -> dict[Fact, float]:
        """For each fact the nearest value at which all violated rules that read it hold."""
        facts = [fact for rule in violated for fact in _movable(rule, variables)]
        wanted: list[Fact] = [CONFIDENCE, *facts] if unsure else facts
        facts = list(dict.fromkeys(wanted))[:MOST_FACTS]
        found: dict[Fact, float] = {}
        for fact in facts:
            readers = [rule for rule in violated if _reads(rule, fact)]
            value = nearest(
                lambda x, fact=fact, readers=readers: self._hold(readers, variables, {fact: x}, fact == CONFIDENCE),
                _value(variables, fact),
                *self._bounds(fact, _value(variables, fact)),
                whole=isinstance(_value(variables, fact), int),
                landmarks=self._landmarks(readers),
            )
            if value is not None:
                found[fact] = value
        return found

    def _landmarks(self, rules: Iterable[Rule]) -> list[float]:
        """Where the rules change their minds, as far as it stands in them, and the threshold."""
        constants = [constant for rule in rules for constant in rule.compiled.constants if _is_number(constant)]
        return [*map(float, constants), *self._rules.limits.values(), self._policy.autonomy.threshold]

    def _bounds(self, fact: Fact, value: float) -> tuple[float, float]:
        variable, key = fact
        declared = (self._rules.schema.declared(variable) or {}).get(key or "")
        low, high = _BOUNDS.get(variable, (-math.inf, math.inf))
        if declared is not None:
            low = low if declared.minimum is None else min(declared.minimum, value)
            high = high if declared.maximum is None else max(declared.maximum, value)
        return low, high

    def _hold(
        self, rules: Iterable[Rule], variables: Variables, moved: Mapping[Fact, float], surely: bool = True
    ) -> bool:
        changed = _moved(variables, moved)
        if surely and changed["confidence"] < self._policy.autonomy.threshold:
            return False
        try:
            activation = self._rules.activation("verdict", changed)
        except ValueError:
            return False
        return all(holds(rule.compiled, activation) for rule in rules)

    def _told(self, variables: Variables, moved: Mapping[Fact, float], violated: list[Rule]) -> Counterfactual | None:
        if any(not any(_reads(rule, fact) for fact in moved) for rule in violated):
            return None
        readers = [rule for rule in self._asked if any(_reads(rule, fact) for fact in moved)]
        if not moved or not self._hold(readers, variables, moved):
            return None
        lower = [
            fact
            for fact, value in moved.items()
            if value < _value(variables, fact) and self._beyond(readers, variables, moved, fact)
        ]
        upper = [
            fact
            for fact, value in moved.items()
            if value > _value(variables, fact) and self._beyond(readers, variables, moved, fact)
        ]
        words = [self._words(variables, fact, value, fact in lower, fact in upper) for fact, value in moved.items()]
        return Counterfactual(
            facts={_path(fact): value for fact, value in moved.items()},
            at_most=tuple(map(_path, lower)),
            at_least=tuple(map(_path, upper)),
            text=f"would run alone if {' and '.join(words)}",
        )

    def _beyond(self, readers: list[Rule], variables: Variables, moved: Mapping[Fact, float], fact: Fact) -> bool:
        value, now = moved[fact], _value(variables, fact)
        low, high = self._bounds(fact, now)
        bound = low if value < now else high
        if math.isinf(bound):
            bound = value + math.copysign(max(abs(value), abs(now - value)), value - now)
            bound = max(bound, 0.0) if value >= 0 else bound
        if isinstance(now, int):
            bound = round(bound)
        return holds_beyond(lambda x: self._hold(readers, variables, {**moved, fact: x}), value, bound)

    def _words(self, variables: Variables, fact: Fact, value: float, lower: bool, upper: bool) -> str:
        variable, key = fact
        unit = self._rules.schema.unit(variable, key or "")
        how = "at most " if lower else "at least " if upper else ""
        name = key or _NAMES.get(variable, variable)
        now = quantity(_value(variables, fact))
        return f"{name} were {how}{quantity(value)}{' ' + unit if unit else ''} (it is {now})"


def _movable(rule: Rule, variables: Variables) -> list[Fact]:
    facts = [(reading.variable, reading.key) for reading in sorted(rule.compiled.readings, key=str)]
    return [
        (variable, key)
        for variable, key in facts
        if (variable in ("proposed", "settings") and key is not None and _is_number(variables[variable].get(key)))
        or (variable in ("largest_change", "confidence") and key is None)
    ]


def _covering(moves: Mapping[Fact, float], violated: list[Rule], unsure: bool) -> dict[Fact, float]:
    """Moves of which at least one concerns each violated rule, the first that does; empty where one has none."""
    chosen = {CONFIDENCE: moves[CONFIDENCE]} if unsure and CONFIDENCE in moves else {}
    for rule in violated:
        if any(_reads(rule, fact) for fact in chosen):
            continue
        fact = next((fact for fact in moves if _reads(rule, fact)), None)
        if fact is None:
            return {}
        chosen[fact] = moves[fact]
    return chosen


def _reads(rule: Rule, fact: Fact) -> bool:
    return any((reading.variable, reading.key) == fact for reading in rule.compiled.readings)


def _value(variables: Variables, fact: Fact) -> float:
    variable, key = fact
    return variables[variable] if key is None else variables[variable][key]


def _moved(variables: Variables, moved: Mapping[Fact, float]) -> Variables:
    changed = dict(variables)
    for fact, value in moved.items():
        variable, key = fact
        whole = isinstance(_value(variables, fact), int)
        changed[variable] = value if key is None else {**changed[variable], key: round(value) if whole else value}
    return changed


def _path(fact: Fact) -> str:
    variable, key = fact
    return variable if key is None else f"{variable}.{key}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
