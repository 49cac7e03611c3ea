"""What would be best if a scenario were sure to come, and what is best in all of them."""

from voicehive.planning.roadmap.front import columns_of, starts_of
from voicehive.planning.roadmap.problem import RoadmapProblem
from voicehive.planning.roadmap.program import program_of
from voicehive.planning.roadmap.result import ScenarioRoadmap
from voicehive.planning.roadmap.search import search
from voicehive.planning.roadmap.tail import outcome
from voicehive.planning.roadmap.values import ValueSamples, of_scenario


def scenario_roadmaps(
    problem: RoadmapProblem, samples: ValueSamples, recommended: dict[str, int], seconds: float, seed: int
) -> tuple[ScenarioRoadmap, ...]:
    """Solve each scenario that has samples on its own, from the recommended starts on, for equal shares of the time."""
    if samples.scenario is None or seconds <= 0.0:
        return ()
    counts = [int(samples.belonging(number).sum()) for number in range(len(samples.scenarios))]
    share = seconds / max(1, sum(count > 0 for count in counts))
    return tuple(
        _solved(problem, of_scenario(samples, number), name, recommended, seconds=share, seed=seed)
        for number, name in enumerate(samples.scenarios)
        if counts[number]
    )


def robust(recommended: dict[str, int], scenarios: tuple[ScenarioRoadmap, ...]) -> frozenset[str]:
    """The initiatives that are in the recommended roadmap and in the best one of every scenario."""
    return frozenset(name for name in recommended if all(name in one.starts for one in scenarios))


def _solved(
    problem: RoadmapProblem, samples: ValueSamples, name: str, recommended: dict[str, int], *, seconds: float, seed: int
) -> ScenarioRoadmap:
    program = program_of(problem, samples)
    start = columns_of(program, recommended)
    best = search(program, seconds, seed, start)
    # A bound on risk that holds on average may be out of reach in one scenario; the recommendation then stands.
    found = best.status in ("optimal", "feasible")
    starts = starts_of(program, best.chosen if found else start)
    ours = outcome(program, start).utility
    return ScenarioRoadmap(
        scenario=name,
        samples=len(samples.values),
        starts=starts,
        added=tuple(one for one in starts if one not in recommended),
        dropped=tuple(one for one in recommended if one not in starts),
        moved=tuple(one for one in starts if one in recommended and starts[one] != recommended[one]),
        utility=best.outcome.utility if found else ours,
        recommended_utility=ours,
        proven=best.status == "optimal",
        gap=best.gap if found else 0.0,
    )
