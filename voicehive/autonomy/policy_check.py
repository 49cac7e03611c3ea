"""What is wrong with a policy that loads: rules that can never hold, never fail, contradict another, or never matter.

Found by sampling facts around the constants of the rules, so a fault is told with what was tried: "never" means in none
of the facts drawn. A case beside the policy whose facts show otherwise is drawn too, and so answers a false alarm.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from random import Random

from pydantic import JsonValue

from voicehive.autonomy.confidence import assess_confidence
from voicehive.autonomy.context import Variables
from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.policy import When
from voicehive.autonomy.policy_cases import PolicyCase
from voicehive.autonomy.rules import Rule, RuleBook, holds
from voicehive.autonomy.sampling import FactSampler
from voicehive.autonomy.variables import maps_of
from voicehive.model import Model

DRAWS = 600
ENOUGH = 12
"""So many violations of one rule must all be another's too, before it counts as never deciding anything."""
MOST_PAIRS = 3_000


class RuleReport(Model):
    """One rule, with facts (those that it reads) at which it holds and at which it is violated; None if none."""

    id: str
    holds_at: dict[str, JsonValue] | None
    violated_at: dict[str, JsonValue] | None


class CheckReport(Model):
    """`faults` keep a policy from taking effect; `warnings` do not."""

    rules: tuple[RuleReport, ...]
    faults: tuple[str, ...]
    warnings: tuple[str, ...]


def check_policy(
    controller: AutonomousController, cases: Iterable[PolicyCase] = (), seed: int = 1, draws: int = DRAWS
) -> CheckReport:
    """Look for rules that cannot be meant, drawing so many facts for each rule and each pair of rules."""
    samples = _Samples(controller.rules, tuple(cases), seed, draws)
    faults: list[str] = []
    warnings: list[str] = []
    reports: list[RuleReport] = []
    for rule in controller.rules.rules:
        report, fault, warning = _examine(rule, samples)
        reports.append(report)
        faults += fault
        warnings += warning
    sound = [rule for rule, report in zip(controller.rules.rules, reports, strict=True) if _may_vary(rule, report)]
    pairs = [pair for pair in combinations(sound, 2) if _related(*pair)]
    for pair in pairs[:MOST_PAIRS]:
        fault, warning = _compare(*pair, samples)
        faults += fault
        warnings += warning
    if len(pairs) > MOST_PAIRS:
        warnings.append(f"only {MOST_PAIRS} of {len(pairs)} pairs of rules were compared")
    return CheckReport(rules=tuple(reports), faults=tuple(faults), warnings=tuple(warnings))


class _Samples:
    """Facts for some rules: those of the cases first, then drawn ones, the same for the same seed."""

    def __init__(self, book: RuleBook, cases: tuple[PolicyCase, ...], seed: int, draws: int) -> None:
        self.book = book
        self.draws = draws
        self._seed = seed
        self._given: dict[When, list[Variables]] = {"verdict": [], "step": [], "after": []}
        for case in cases:
            decision = case.decision
            self._given["verdict"].append(decision.variables(assess_confidence(decision).value))
            self._given["step"] += [step.variables() for step in case.step_contexts]

    def of(self, rules: Sequence[Rule]) -> Iterator[Variables]:
        """Facts of which all these rules are asked."""
        when: When = rules[0].constraint.when
        names = "/".join(rule.constraint.id for rule in rules)
        sampler = FactSampler(rules, self.book, when, Random(f"{self._seed}/{names}"))
        for number in range(self.draws):
            given = self._given[when]
            facts = given[number] if number < len(given) else sampler.draw()
            place = facts["tenant"], facts["kind"], facts["deployment"]
            if all(rule.constraint.applies(when, *place) for rule in rules):
                yield facts


def _examine(rule: Rule, samples: _Samples) -> tuple[RuleReport, list[str], list[str]]:
    held = broken = spoilt = None
    causes: list[str] = []
    for facts in samples.of([rule]):
        value = rule.compiled.expression.eval(samples.book.activation(rule.constraint.when, facts)).value()
        if value is True:
            held = held or facts
        elif value is False:
            broken = broken or facts
        else:
            spoilt = spoilt or facts
            causes.append(str(value))
        if held is not None and broken is not None:
            break
    violated = spoilt if broken is None else broken
    report = RuleReport(id=rule.constraint.id, holds_at=_shown(rule, held), violated_at=_shown(rule, violated))
    what = f"constraint {rule.constraint.id!r}"
    if rule.compiled.is_constant:
        return report, [], []
    if held is None and broken is None:
        return report, [f"{what} can never be evaluated: {causes[0] if causes else 'no facts are in its scope'}"], []
    if held is None:
        return report, [f"{what} can never hold: it is violated at {report.violated_at} and at all else tried"], []
    if violated is None:
        return report, [], [f"{what} can never fail: it holds at {report.holds_at} and at all else tried"]
    return report, [], []


def _compare(first: Rule, second: Rule, samples: _Samples) -> tuple[list[str], list[str]]:
    """Whether both can hold at once, and whether a violation of the milder ever comes without one of the stricter."""
    together = False
    alone = {True: 0, False: 0}  # violations of the milder rule, by whether the stricter is violated too
    stricter, milder = sorted((first, second), key=lambda rule: _STRICTNESS[rule.constraint.severity], reverse=True)
    ranked = _STRICTNESS[stricter.constraint.severity] > _STRICTNESS[milder.constraint.severity]
    covers = ranked and _covers(stricter, milder)
    for facts in samples.of([stricter, milder]):
        activation = samples.book.activation(first.constraint.when, facts)
        strict, mild = holds(stricter.compiled, activation), holds(milder.compiled, activation)
        together = together or (strict and mild)
        if not mild:
            alone[not strict] += 1
        if together and (not covers or alone[False]):
            break
    names = f"constraints {first.constraint.id!r} and {second.constraint.id!r}"
    if not together and milder.constraint.severity != "warn":
        return [f"{names} contradict each other: no facts were found at which both hold"], []
    if covers and alone[True] >= ENOUGH and not alone[False]:
        return [], [
            f"constraint {milder.constraint.id!r} ({milder.constraint.severity}) can never decide anything: "
            f"whenever it is violated, so is {stricter.constraint.id!r} ({stricter.constraint.severity})"
        ]
    return [], []


_STRICTNESS = {"warn": 0, "escalate": 1, "block": 2}


def _may_vary(rule: Rule, report: RuleReport) -> bool:
    return not rule.compiled.is_constant and report.holds_at is not None


def _related(first: Rule, second: Rule) -> bool:
    """Whether two rules can be asked together, and read a fact in common."""
    one, other = first.constraint, second.constraint
    return (
        one.when == other.when
        and all(_overlap(getattr(one, scope), getattr(other, scope)) for scope in ("kinds", "deployments", "tenants"))
        and bool(_facts(first) & _facts(second))
    )


def _facts(rule: Rule) -> set[tuple[str, str | None]]:
    """What a rule reads: a variable, and of a map the key; of the limits, which are constants, nothing."""
    maps = maps_of(rule.constraint.when)
    read = (reading for reading in rule.compiled.readings if reading.variable != "limits")
    return {(reading.variable, reading.key if reading.variable in maps else None) for reading in read}


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return not one or not other or bool(set(one) & set(other))


def _covers(wider: Rule, narrower: Rule) -> bool:
    """Whether one rule is asked wherever the other is."""
    pairs = [
        (getattr(wider.constraint, scope), getattr(narrower.constraint, scope))
        for scope in ("kinds", "deployments", "tenants")
    ]
    return all(not wide or (narrow and set(narrow) <= set(wide)) for wide, narrow in pairs)


def _shown(rule: Rule, facts: Variables | None) -> dict[str, JsonValue] | None:
    """Those of the facts that the rule reads."""
    if facts is None:
        return None
    shown: dict[str, JsonValue] = {}
    for variable, key in sorted(_facts(rule), key=str):
        if key is None:
            shown[variable] = facts[variable]
        elif key in facts[variable]:
            shown[f"{variable}.{key}"] = facts[variable][key]
    return shown
