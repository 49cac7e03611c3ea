"""What a policy declares of the facts its rules may name: outcomes and settings, with types, units and bounds."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, FiniteFloat, model_validator

from voicehive.model import Model

ValueType: TypeAlias = Literal["number", "integer", "text", "boolean"]
FactName: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]


class DeclaredFact(Model):
    """One outcome or setting: its type, its unit, and where its values lie.

    `minimum`, `maximum` and `values` say where `policy check` looks for what a rule allows and forbids; they forbid
    nothing themselves.
    """

    type: ValueType = "number"
    unit: str = Field(default="", max_length=50)
    minimum: FiniteFloat | None = None
    maximum: FiniteFloat | None = None
    values: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "DeclaredFact":
        numeric = self.type in ("number", "integer")
        if not numeric and (self.minimum is not None or self.maximum is not None):
            raise ValueError(f"a {self.type} has no minimum and no maximum; leave them out")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is above maximum {self.maximum:g}; exchange them")
        if self.values and self.type != "text":
            raise ValueError(f"values are listed for texts, not for the type {self.type}; leave them out")
        return self


class ContextSchema(Model):
    """The names that rules may use of `current` and `proposed` (outcomes) and of `settings`; None leaves them open.

    Outcomes are numbers. A rule that names anything else is refused when the policy is loaded.
    """

    outcomes: dict[FactName, DeclaredFact] | None = None
    settings: dict[FactName, DeclaredFact] | None = None

    @model_validator(mode="after")
    def _outcomes_are_numbers(self) -> "ContextSchema":
        for name, fact in (self.outcomes or {}).items():
            if fact.type not in ("number", "integer"):
                raise ValueError(f"outcome {name!r} is declared as {fact.type}; outcomes are numbers")
        return self

    def declared(self, variable: str) -> dict[str, DeclaredFact] | None:
        """What may be named under a variable; None where anything may."""
        if variable in ("current", "proposed"):
            return self.outcomes
        return self.settings if variable == "settings" else None

    def unit(self, variable: str, name: str) -> str:
        """The unit of a fact; empty where none is declared."""
        fact = (self.declared(variable) or {}).get(name)
        return fact.unit if fact else ""
