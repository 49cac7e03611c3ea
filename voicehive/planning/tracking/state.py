"""How the tracking of one goal stands: what was folded in so far, small enough to be stored after every point."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import AwareDatetime, Field

from voicehive.model import Model
from voicehive.planning.errors import StateMismatch
from voicehive.planning.goals import StrategicGoal

STEPS = 128
"""A goal's time is cut into at most so many steps; of each, the last value is kept."""
REMEMBERED_SLOTS = 64
"""Points this many intervals behind the newest can still be told from duplicates, and be used."""

Colour: TypeAlias = Literal["green", "amber", "red"]
Sample: TypeAlias = tuple[int, float]
"""The slot (interval since the start) and the value."""


class PointCounts(Model):
    """What became of the points of the goal's own metric.

    `folded` were used, `out_of_order` of them after a later one. Not used: `duplicate` came again for the same interval
    (the first counts), `late` came more than `REMEMBERED_SLOTS` intervals behind the newest, `unusable` held no number,
    `outside` lay before the start or after the due date. `missing` intervals lie before the newest and had no point.
    """

    folded: int = 0
    out_of_order: int = 0
    duplicate: int = 0
    late: int = 0
    unusable: int = 0
    outside: int = 0
    missing: int = 0

    def in_words(self) -> str:
        """The counts that are not 0."""
        shown = [f"{count} {name.replace('_', ' ')}" for name, count in self if count]
        return ", ".join(shown) or "no point yet"


class Standing(Model):
    """The status that was last given, and what hysteresis needs to know.

    `parts` are the colours of what it is made of. `better_reviews` counts reviews in a row that would improve it.
    `below_floor` holds from when the probability fell under the floor until it is clear of it again.
    """

    colour: Colour = "green"
    parts: dict[str, Colour] = {}
    better_reviews: int = 0
    below_floor: bool = False


class TrackingState(Model):
    """How the tracking of a goal stands; `goal_digest` names the goal it belongs to.

    Slots are intervals of `every` from `started_at`; a step is `slots_per_step` of them. `samples` holds the last value
    of each step. `seen` has bit i set where slot `newest - i` had a point. `latest` holds every metric's newest value.
    `reached` gives the dates on which milestones were.
    """

    goal_digest: str
    started_at: AwareDatetime
    ends_at: AwareDatetime
    every: timedelta
    slots_per_step: int
    newest: int = -1
    seen: int = 0
    samples: tuple[Sample, ...] = ()
    latest: dict[str, tuple[AwareDatetime, float]] = {}
    counts: PointCounts = PointCounts()
    reached: dict[str, date] = {}
    standing: Standing = Standing()

    def slot(self, at: datetime) -> int:
        """The interval that a moment falls into."""
        return (at - self.started_at) // self.every

    def values(self, now: datetime, stale_after: int) -> dict[str, float | None]:
        """The metrics' present values; None for those whose newest is `stale_after` intervals old or more."""
        oldest = now - stale_after * self.every
        return {name: value if oldest < at <= now else None for name, (at, value) in self.latest.items()}


def begin_tracking(
    goal: StrategicGoal, every: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(days=1)
) -> TrackingState:
    """The state before the first point, of which one is expected in each interval `every`.

    Dates are days of UTC: a goal starts as `start` begins and is due as `due` ends.

    Raises:
        StateMismatch: `every` is not positive, or longer than the goal's time.
    """
    started_at = datetime.combine(goal.start, time(0), UTC)
    ends_at = datetime.combine(goal.due, time(0), UTC) + timedelta(days=1)
    if not timedelta(0) < every <= ends_at - started_at:
        problem = f"every {every} does not fit into {ends_at - started_at}"
        raise StateMismatch(f"goal {goal.id}: tracking", problem, "choose an interval within the goal's time")
    slots = -((started_at - ends_at) // every)
    return TrackingState(
        goal_digest=goal.content_digest(),
        started_at=started_at,
        ends_at=ends_at,
        every=every,
        slots_per_step=-(-slots // STEPS),
    )
