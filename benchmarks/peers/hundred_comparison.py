"""Our optimiser, its peers and trivial methods at 100 objectives, 1,000 solutions, 50 generations."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.peers.hundred_objectives import OBJECTIVES, MixedFactors, Sphere, run_centre, run_random_search
from benchmarks.peers.pymoo_peers import run_pymoo
from benchmarks.peers.regret import Regret, regrets
from benchmarks.peers.run import Run
from benchmarks.peers.voicehive_optimizer import OURS, run_voicehive

SIZE, GENERATIONS = 1_000, 50
_DIGITS = 9


class Standing(NamedTuple):
    """One method on one problem: medians over the seeds.

    Attributes:
        cpu, wall: seconds in all.
        feasible: the share of the solutions returned that are.
        distinct: how many feasible solutions differ in their objectives.
    """

    cpu: float
    wall: float
    regret: Regret
    feasible: float
    distinct: float


def compare(
    problem: Sphere | MixedFactors, peers: Iterable[str], seeds: Sequence[int], ran: Callable[[], None]
) -> dict[str, Standing]:
    """Run every method with every seed, in turn; `ran` is called after each. Regrets are relative to each seed's."""
    found: dict[str, list[tuple[Run, Regret]]] = {}
    for seed in seeds:
        directions = np.random.default_rng([seed, 1]).dirichlet(np.ones(OBJECTIVES), SIZE)
        runs = {OURS: run_voicehive(problem, SIZE, GENERATIONS, seed, front_size=SIZE)}
        ran()
        for name in peers:
            runs[name] = run_pymoo(name, problem, SIZE, GENERATIONS, directions, seed)
            ran()
        runs["random search"] = run_random_search(problem, SIZE, SIZE * GENERATIONS, seed)
        runs["centre"] = run_centre(problem)
        ran()
        lost = regrets({name: run.objectives for name, run in runs.items()}, problem)
        for name, run in runs.items():
            found.setdefault(name, []).append((run, lost[name]))
    return {name: _standing(every) for name, every in found.items()}


def not_best(standings: Mapping[str, Standing]) -> list[str]:
    """The measures on which another method is ahead of ours."""
    own = standings[OURS]
    others = [standing for name, standing in standings.items() if name != OURS]
    behind = [
        field.replace("_", " ")
        for field in Regret._fields
        if any(getattr(other.regret, field) < getattr(own.regret, field) for other in others)
    ]
    if any(other.feasible > own.feasible for other in others):
        behind.append("feasible")
    if any(other.distinct > own.distinct for other in others):
        behind.append("distinct")
    return behind


def _standing(runs: Sequence[tuple[Run, Regret]]) -> Standing:
    return Standing(
        statistics.median(run.seconds.cpu for run, _ in runs),
        statistics.median(run.seconds.wall for run, _ in runs),
        Regret(*(statistics.median(figures) for figures in zip(*(lost for _, lost in runs), strict=True))),
        statistics.median(len(run.objectives) / run.returned for run, _ in runs),
        statistics.median(len(np.unique(np.round(run.objectives, _DIGITS), axis=0)) for run, _ in runs),
    )
