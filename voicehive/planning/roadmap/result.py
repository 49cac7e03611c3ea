"""A roadmap as it is handed over: what is done when, what that brings, why, and what else was possible."""

from datetime import date
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, FiniteFloat

from voicehive.model import Identifier, Model
from voicehive.optimization import Objective, Solution

NotNegative: TypeAlias = Annotated[FiniteFloat, Field(ge=0)]
Day: TypeAlias = Annotated[date, Field(strict=False)]
NOT_DONE = -1
"""What stands for the start of an initiative that is not done, in a solution's settings."""


class ScheduledInitiative(Model):
    """An initiative's place: from period `start` up to, not including, `finish`, whose first days are given as dates.

    `contribution` is how much the roadmap's weighted sum would lose without it, and without what needs it;
    `total_float` by how many periods it may slip with the finish unmoved. `in_all_scenarios`: it is also in the best
    roadmap of every scenario; None where there are no scenarios.
    """

    initiative: Identifier
    name: str
    start: int
    finish: int
    starts_on: Day
    ends_before: Day
    cost: NotNegative
    mean_value: FiniteFloat
    contribution: FiniteFloat
    total_float: int
    critical: bool
    in_all_scenarios: bool | None = None
    waits_for: tuple[Identifier, ...] = ()


class LeftOut(Model):
    """An initiative that is not done, and why."""

    initiative: Identifier
    reason: str


class FinishForecast(Model):
    """When all is done, in periods from the plan's start, as durations vary; `buffer` is from the plan to `p80`."""

    planned: int
    p50: NotNegative
    p80: NotNegative
    buffer: NotNegative
    on_time: Annotated[FiniteFloat, Field(ge=0, le=1)]


class ScenarioRoadmap(Model):
    """The best roadmap if a scenario is sure to come, against the recommended one.

    `utility` and `recommended_utility` are weighted sums over that scenario's samples; their difference is what the
    recommendation would be regretted by.
    """

    scenario: str
    samples: int
    starts: dict[Identifier, int]
    added: tuple[Identifier, ...]
    dropped: tuple[Identifier, ...]
    moved: tuple[Identifier, ...]
    utility: FiniteFloat
    recommended_utility: FiniteFloat
    proven: bool
    gap: NotNegative


class StrategicRoadmap(Model):
    """The answer: the recommended roadmap, and the front it was chosen from.

    `front` holds non-dominated roadmaps: `settings` are the period each counting initiative starts in, -1 where it is
    not done; `outcomes` are the objectives. No roadmap has a weighted sum (`utility`) above `bound`; `gap` is how far
    that is above the recommended one's, relative to it, and `status` is `optimal` where it is at most 1e-5.
    """

    items: tuple[ScheduledInitiative, ...]
    left_out: tuple[LeftOut, ...]
    objectives: tuple[Objective, ...]
    front: tuple[Solution, ...]
    recommended: int
    utility: FiniteFloat
    bound: FiniteFloat
    gap: NotNegative
    status: Literal["optimal", "feasible"]
    critical_path: tuple[Identifier, ...]
    finish: FinishForecast
    scenarios: tuple[ScenarioRoadmap, ...] = ()
    reasons: tuple[str, ...] = ()
    first_after_seconds: NotNegative
    duration_seconds: NotNegative
    seed: int

    @property
    def starts(self) -> dict[str, int]:
        """The period each chosen initiative starts in."""
        return {item.initiative: item.start for item in self.items}
