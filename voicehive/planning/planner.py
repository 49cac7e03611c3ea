"""The face of the planning engine: a plan, simulated and turned into a roadmap."""

from collections.abc import Mapping

import numpy as np

from voicehive.model import Identifier, Model
from voicehive.planning.effects import value_samples, with_initiatives
from voicehive.planning.plan import StrategicPlan
from voicehive.planning.roadmap.planner import SearchTime, plan_roadmap
from voicehive.planning.roadmap.result import StrategicRoadmap
from voicehive.planning.simulation.fans import fans
from voicehive.planning.simulation.result import Fan, SimulationResult
from voicehive.planning.simulation.simulate import simulate
from voicehive.planning.simulation.targets import GoalTarget

SAMPLES, VALUE_SAMPLES = 100_000, 1_000


class PlanForecast(Model):
    """What becomes of a plan's goals where the initiatives in `starts` start in these periods, and no others."""

    plan: str
    seed: int
    starts: dict[Identifier, int]
    result: SimulationResult
    fans: tuple[Fan, ...]


class PlannedRoadmap(Model):
    """A plan's roadmap, and what becomes of the goals if nothing is done (`without`) and with it (`within`)."""

    plan: str
    roadmap: StrategicRoadmap
    without: PlanForecast
    within: PlanForecast


class StrategicPlanner:
    """Simulates a plan and finds its roadmap. Equal seeds give equal answers."""

    def __init__(self, plan: StrategicPlan) -> None:
        self.plan = plan

    @property
    def targets(self) -> tuple[GoalTarget, ...]:
        """The goals as a simulation takes them: judged in the period that their due date lies in."""
        period_of = self.plan.horizon.period_of
        return tuple(
            GoalTarget(one.id, one.metric, one.baseline, one.target, period_of(one.due), one.direction)
            for one in self.plan.goals
        )

    def simulate(
        self, starts: Mapping[str, int] | None = None, *, samples: int = SAMPLES, seed: int = 0
    ) -> PlanForecast:
        """Simulate what becomes of the goals.

        Args:
            starts: the initiatives that are done, and the periods they start in; the plan's own where it is None.
            samples: the least number of futures, 1,000 to a million.
            seed: where chance comes from.

        Raises:
            PlanningError: something cannot be simulated; the message names it.
        """
        chosen = self.plan.starts if starts is None else dict(starts)
        scenarios, rng = with_initiatives(self.plan, chosen), np.random.default_rng(seed)
        expected = self.plan.expected
        result = simulate(self.targets, scenarios, rng, samples=samples, expected=expected)
        bands = fans(self.targets, scenarios, self.plan.horizon.periods, rng, expected=expected)
        return PlanForecast(plan=self.plan.name, seed=seed, starts=chosen, result=result, fans=bands)

    def roadmap(
        self, time_allowed: SearchTime | None = None, *, samples: int = VALUE_SAMPLES, seed: int = 0
    ) -> StrategicRoadmap:
        """Choose and schedule the initiatives, each valued in the simulated futures.

        Risk is over all these futures; what a scenario changes is found in those of them in which it happens.

        Args:
            time_allowed: how long it may take.
            samples: the least number of futures.
            seed: of the futures and of every search.

        Raises:
            PlanningError: something is wrong with the input; the message names it.
            InfeasibleRoadmap: what is required does not fit.
            NoRoadmapInTime: nothing was found in time.
        """
        values = value_samples(self.plan, np.random.default_rng(seed), samples)
        return plan_roadmap(self.plan.roadmap_problem, values, time_allowed, seed)

    def compared(self, roadmap: StrategicRoadmap, *, samples: int = SAMPLES, seed: int = 0) -> PlannedRoadmap:
        """Simulate the goals with nothing done and with the roadmap followed."""
        return PlannedRoadmap(
            plan=self.plan.name,
            roadmap=roadmap,
            without=self.simulate({}, samples=samples, seed=seed),
            within=self.simulate(roadmap.starts, samples=samples, seed=seed),
        )
