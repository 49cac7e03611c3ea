"""The life of a goal: a state machine that keeps the reason of every change."""

from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import AwareDatetime, Field

from voicehive.model import Model
from voicehive.planning.errors import TransitionRefused

Stage: TypeAlias = Literal["draft", "active", "at_risk", "achieved", "missed", "abandoned"]

TRANSITIONS: dict[Stage, frozenset[Stage]] = {
    "draft": frozenset({"active", "abandoned"}),
    "active": frozenset({"at_risk", "achieved", "missed", "abandoned"}),
    "at_risk": frozenset({"active", "achieved", "missed", "abandoned"}),
    "achieved": frozenset(),
    "missed": frozenset(),
    "abandoned": frozenset(),
}
"""Where a goal may go from each stage. The last three are final: a goal taken up again is a new goal."""

FINAL: frozenset[Stage] = frozenset(stage for stage in get_args(Stage) if not TRANSITIONS[stage])


class StageChange(Model):
    """A change of stage: when, from where to where, why, and by whom."""

    at: AwareDatetime
    before: Stage
    after: Stage
    reason: Annotated[str, Field(min_length=1, max_length=1_000)]
    by: Annotated[str, Field(min_length=1, max_length=100)]


class GoalLife(Model):
    """Where a goal is in its life, and every change that brought it there, oldest first."""

    stage: Stage = "draft"
    changes: tuple[StageChange, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether nothing more can become of it."""
        return self.stage in FINAL

    def change(self, goal: str, after: Stage, at: AwareDatetime, *, reason: str, by: str) -> "GoalLife":
        """The life with one more change.

        Raises:
            TransitionRefused: the stage does not lead there, there is no reason, or the time is before the last change.
        """
        item = f"goal {goal}"
        if after not in TRANSITIONS[self.stage]:
            allowed = ", ".join(stage for stage in get_args(Stage) if stage in TRANSITIONS[self.stage])
            remedy = f"from there it may become {allowed}" if allowed else "that is final; start a new goal"
            raise TransitionRefused(item, f"cannot become {after}, being {self.stage}", remedy)
        if not reason.strip():
            raise TransitionRefused(item, f"became {after} for no reason", "say why")
        if at.tzinfo is None:
            raise TransitionRefused(item, f"became {after} at {at:%Y-%m-%d %H:%M} in no time zone", "give one, UTC say")
        if self.changes and at < self.changes[-1].at:
            last = self.changes[-1].at.isoformat()
            raise TransitionRefused(
                item, f"became {after} at {at.isoformat()}, before its last change", f"be after {last}"
            )
        change = StageChange(at=at, before=self.stage, after=after, reason=reason, by=by)
        return GoalLife(stage=after, changes=(*self.changes, change))
