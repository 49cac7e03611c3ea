"""What the rules may speak of: the facts of a decision, and of one step."""

import sys
from typing import Any, TypeAlias, TypeGuard

from pydantic import Field, FiniteFloat, JsonValue

from voicehive.autonomy.verdict import Assurance
from voicehive.model import Model

Variables: TypeAlias = dict[str, Any]


def relative_change(earlier: JsonValue, value: JsonValue) -> float:
    """How far a setting moves, relative to where it stood.

    0 where nothing changes; 1 where a number starts from zero or from nothing, and where a text, a truth value or a
    structure becomes another; beyond every bound where a number gives way to something that is none, or the reverse.
    """
    if earlier == value and type(earlier) is type(value):
        return 0.0
    if _is_number(earlier) and _is_number(value):
        before, after = float(earlier), float(value)
        return abs(after - before) / abs(before) if before else float(after != before)
    if _is_number(value) and earlier is None:
        return 1.0
    return sys.float_info.max if _is_number(earlier) or _is_number(value) else 1.0


def _is_number(value: JsonValue) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Change(Model):
    """One setting's move; `earlier` is None where it had no value."""

    name: str
    earlier: JsonValue
    value: JsonValue


class DecisionContext(Model):
    """The facts a verdict is given on: outcomes are the evaluator's, in its units; settings are the proposed ones.

    `preference`, `reasoner_confidence` and `certainty` are None where nobody measured them.
    """

    tenant: str
    deployment: str
    kind: str
    requester: str
    current: dict[str, FiniteFloat] = {}
    proposed: dict[str, FiniteFloat] = {}
    settings: dict[str, JsonValue] = {}
    changes: tuple[Change, ...] = ()
    feasible: bool = True
    preference: float | None = Field(default=None, ge=0, le=1)
    reasoner_confidence: float | None = Field(default=None, ge=0, le=1)
    certainty: float | None = Field(default=None, ge=0, le=1)
    reasoning: dict[str, FiniteFloat] = {}

    @property
    def largest_change(self) -> float:
        """The largest relative move of a single setting."""
        return max((relative_change(change.earlier, change.value) for change in self.changes), default=0.0)

    def variables(self, confidence: float) -> Variables:
        """The values of `voicehive.autonomy.variables.VERDICT_VARIABLES`."""
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
    compensation: dict[str, JsonValue] = {}
    earlier: JsonValue = None

    def variables(self) -> Variables:
        """The values of `voicehive.autonomy.variables.STEP_VARIABLES`; `parameter` is the argument `name`."""
        value = self.arguments.get("value")
        return {
            "tenant": self.tenant,
            "deployment": self.deployment,
            "kind": self.kind,
            "step": self.step,
            "action": self.action,
            "arguments": self.arguments,
            "compensation": self.compensation,
            "parameter": str(self.arguments.get("name", "")),
            "value": value,
            "earlier": self.earlier,
            "change": relative_change(self.earlier, value),
        }


class AfterContext(StepContext):
    """The facts a single step is checked on, immediately after it ran: `result` is what its action answered."""

    result: dict[str, JsonValue] = {}

    def variables(self) -> Variables:
        """The values of `voicehive.autonomy.variables.AFTER_VARIABLES`."""
        return {**super().variables(), "result": self.result}


class Facts(Model):
    """All that a verdict was given on; kept, so that another policy can be asked about the same.

    `assurance` is what outcomes said at that time; None in what was kept before this was.
    """

    context: DecisionContext
    steps: tuple[StepContext, ...] = ()
    assurance: Assurance | None = None
