"""What a rule says: a text in which facts stand in braces, such as `spend {proposed.cost} over {limits.spend}`."""

import json
from collections.abc import Collection, Mapping
from string import Formatter
from typing import Any, NamedTuple

UNKNOWN = "unknown"


class MessageTemplate(NamedTuple):
    """Texts, each followed by the fact it leads to: a variable and, of a map, one key; None at the end."""

    parts: tuple[tuple[str, tuple[str, str | None] | None], ...]

    @classmethod
    def parse(cls, message: str, scalars: Collection[str], maps: Collection[str]) -> "MessageTemplate":
        """Read a message; the first dot ends the variable's name, the rest is the key. `{{` stands for a brace.

        Raises:
            ValueError: a brace is open, or a field is none of the variables; the message names those there are.
        """
        parts: list[tuple[str, tuple[str, str | None] | None]] = []
        for text, field, form, conversion in Formatter().parse(message):
            if field is None:
                parts.append((text, None))
                continue
            if form or conversion:
                raise ValueError(f"{{{field}}} takes no format; write {{{field}}} alone")
            parts.append((text, _fact(field, scalars, maps)))
        return cls(tuple(parts))

    @property
    def facts(self) -> tuple[tuple[str, str | None], ...]:
        """The facts it names."""
        return tuple(fact for _, fact in self.parts if fact is not None)

    def render(self, variables: Mapping[str, Any]) -> str:
        """Fill the facts in; one that is missing reads as unknown."""
        return "".join(text + ("" if fact is None else _shown(fact, variables)) for text, fact in self.parts)


def _fact(field: str, scalars: Collection[str], maps: Collection[str]) -> tuple[str, str | None]:
    variable, dot, key = field.partition(".")
    if variable in scalars and not dot:
        return variable, None
    if variable in maps and key:
        return variable, key
    known = ", ".join([*sorted(scalars), *(f"{name}.…" for name in sorted(maps))])
    raise ValueError(f"the message names {{{field}}}, which is no fact here; there are {known}")


def _shown(fact: tuple[str, str | None], variables: Mapping[str, Any]) -> str:
    variable, key = fact
    if key is not None:
        return quantity(variables.get(variable, {}).get(key, UNKNOWN))
    return quantity(variables.get(variable, UNKNOWN))


def quantity(value: Any) -> str:
    """A number to six significant digits, grouped; anything else as it is written."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int | float):
        return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:,.6g}"
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
