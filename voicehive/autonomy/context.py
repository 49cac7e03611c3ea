"""What the rules may speak of: the facts of a decision, and of one step."""

from typing import Any, TypeAlias

from pydantic import Field, FiniteFloat, JsonValue

from voicehive.model import Model

Variables: TypeAlias = dict[str, Any]


def relative_change(earlier: JsonValue, value: JsonValue) -> float:
    """How far a setting moves, relative to where it stood.

    0 where nothing changes or where the two are not both numbers; 1 where it starts from zero or from nothing.
    """
    if earlier == value or isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    if isinstance(earlier, bool) or not isinstance(earlier, int | float) or earlier == 0:
        return 1.0
    return abs(value - earlier) / abs(earlier)


class Change(Model):
    """One setting's move; `earlier` is None where it had no value."""

    name: str
    earlier: JsonValue
    value: JsonValue


class DecisionContext(Model):
    """The facts a verdict is given on: outcomes are the evaluator's, in its units; settings are the proposed ones."""

    tenant: str
    deployment: str
    kind: str
    requester: str
    current: dict[str, FiniteFloat] = {}
    proposed: dict[str, FiniteFloat] = {}
    settings: dict[str, JsonValue] = {}
    changes: tuple[Change, ...] = ()
    feasible: bool = True
    preference: float = Field(default=1.0, ge=0, le=1)
    reasoner_confidence: float = Field(default=1.0, ge=0, le=1)

    @property
    def largest_change(self) -> float:
        """The largest relative move of a single setting."""
        return max((relative_change(change.earlier, change.value) for change in self.changes), default=0.0)

    def variables(self, confidence: float) -> Variables:
        """The values of `voicehive.autonomy.rules.VERDICT_VARIABLES`."""
        return {
            "tenant": self.tenant,
            "deployment": self.deployment,
            "kind": self.kind,
            "requester": self.requester,
            "current": self.current,
            "proposed": self.proposed,
            "settings": self.settings,
            "unknown": [change.name for change in self.changes if change.earlier is None],
            "changed": [change.name for change in self.changes],
            "largest_change": self.largest_change,
            "confidence": confidence,
            "feasible": self.feasible,
        }


class StepContext(Model):
    """The facts a single step is checked on, immediately before it runs."""

    tenant: str
    deployment: str
    kind: str
    step: str
    action: str
    arguments: dict[str, JsonValue]
    earlier: JsonValue = None

    def variables(self) -> Variables:
        """The values of `voicehive.autonomy.rules.STEP_VARIABLES`; `parameter` is the argument `name`."""
        value = self.arguments.get("value")
        return {
            "tenant": self.tenant,
            "deployment": self.deployment,
            "kind": self.kind,
            "step": self.step,
            "action": self.action,
            "arguments": self.arguments,
            "parameter": str(self.arguments.get("name", "")),
            "value": value,
            "earlier": self.earlier,
            "change": relative_change(self.earlier, value),
        }
