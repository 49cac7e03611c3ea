"""Rules that speak of what a request will never have."""

from collections.abc import Iterable, Iterator

from voicehive.autonomy.rules import Rule


def unmet_readings(rules: Iterable[Rule], outcomes: set[str], settings: set[str]) -> tuple[str, ...]:
    """The rules that read an outcome or a setting which is not there, each with what it reads.

    A fact that the rule itself asks for first, by `has` or `in`, may be missing.
    """
    return tuple(told for rule in rules for told in _unmet(rule, outcomes, settings))


def _unmet(rule: Rule, outcomes: set[str], settings: set[str]) -> Iterator[str]:
    there = {"current": outcomes, "proposed": outcomes, "settings": settings}
    tested = {(reading.variable, reading.key) for reading in rule.compiled.readings if reading.tested}
    for variable, key, _ in sorted(rule.compiled.readings, key=str):
        if key is not None and variable in there and key not in there[variable] and (variable, key) not in tested:
            has = ", ".join(sorted(there[variable])) or "nothing"
            yield (
                f"constraint {rule.constraint.id!r} asks for {variable}[{key!r}], which this request will not have; "
                f"it has {has}"
            )
