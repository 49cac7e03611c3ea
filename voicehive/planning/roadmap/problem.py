"""What a roadmap is to be made of: initiatives, budgets, capacities, and what counts."""

from functools import cached_property
from typing import Annotated, TypeAlias

from pydantic import Field, FiniteFloat

from voicehive.model import Identifier, Model
from voicehive.optimization import Objective
from voicehive.planning.horizon import Horizon
from voicehive.planning.initiatives import Initiative

Group: TypeAlias = Annotated[tuple[Identifier, ...], Field(min_length=2)]

OBJECTIVES = (
    Objective(name="value", direction="maximize", weight=0.5, maximum_worsening=None),
    Objective(name="risk", direction="minimize", weight=0.5, maximum_worsening=None),
    Objective(name="cost", direction="minimize", weight=1.0, maximum_worsening=None),
    Objective(name="finish", direction="minimize", weight=1e-3, maximum_worsening=None, unit="periods"),
)
"""Half the expected value and half that of the bad tail, less what it costs; between equals, the earlier finish."""


class RoadmapProblem(Model):
    """What is to be chosen from and scheduled, and what that must obey.

    `budgets` holds what may be spent in each period, `capacities` how many people of each skill there are in each; a
    single number stands for all periods. Without budgets money does not bind; a skill that is needed must be listed.
    Of a group in `together` all or none are done, of one in `apart` at most one.

    `objectives` are some of `value` (the mean over the samples), `risk` (the conditional value at risk of the loss,
    which is the value with its sign turned, at `risk_level`: minus the mean value of the worst samples), `cost` and
    `finish` (periods until all is done). Their weights are in units of value: the recommendation has the greatest sum
    of weight x value less weights x risk, cost and finish. `at_most` and `at_least` bind.

    `planning_probability`: planned durations suffice with this probability each.
    """

    horizon: Horizon
    initiatives: Annotated[tuple[Initiative, ...], Field(min_length=1, max_length=5_000)]
    budgets: tuple[FiniteFloat, ...] = ()
    capacities: dict[Identifier, tuple[FiniteFloat, ...]] = {}
    together: tuple[Group, ...] = ()
    apart: tuple[Group, ...] = ()
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)] = OBJECTIVES
    risk_level: Annotated[FiniteFloat, Field(gt=0, lt=1)] = 0.9
    planning_probability: Annotated[FiniteFloat, Field(gt=0, lt=1)] = 0.5

    @cached_property
    def counting(self) -> tuple[Initiative, ...]:
        """The initiatives that may be in the roadmap, in their order; the others are candidates only."""
        return tuple(initiative for initiative in self.initiatives if initiative.counts)

    @cached_property
    def planned(self) -> dict[str, int]:
        """The planned duration of each counting initiative, in whole periods."""
        return {one.id: one.planned_duration(self.planning_probability) for one in self.counting}

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each counting initiative among `counting`."""
        return {initiative.id: place for place, initiative in enumerate(self.counting)}

    def weight(self, objective: str) -> float:
        """The weight of an objective by its name; 0 where it does not count."""
        return next((one.weight for one in self.objectives if one.name == objective), 0.0)

    def bound(self, objective: str) -> float | None:
        """The value an objective must not be worse than; None where there is none."""
        chosen = next((one for one in self.objectives if one.name == objective), None)
        if chosen is None:
            return None
        return chosen.at_least if chosen.direction == "maximize" else chosen.at_most

    def capacity(self, skill: str, period: int) -> float:
        """How many people of a skill there are in a period."""
        given = self.capacities[skill]
        return given[0] if len(given) == 1 else given[period]

    def budget(self, period: int) -> float | None:
        """What may be spent in a period; None where money does not bind."""
        if not self.budgets:
            return None
        return self.budgets[0] if len(self.budgets) == 1 else self.budgets[period]

    def window(self, initiative: Initiative) -> tuple[int, int]:
        """The first and the last period it may start in; the last is before the first where there is none."""
        end = self.horizon.periods if initiative.latest is None else min(initiative.latest + 1, self.horizon.periods)
        return initiative.earliest, end - self.planned[initiative.id]
