"""Our optimiser and its peers on the suites with 2 to 10 objectives, at equal evaluations."""

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from benchmarks.peers.optuna_peer import OPTUNA, run_optuna
from benchmarks.peers.pygmo_peers import PYGMO, pygmo_problem, run_pygmo
from benchmarks.peers.pymoo_peers import PYMOO, run_pymoo
from benchmarks.peers.quality import measure_of
from benchmarks.peers.run import Run
from benchmarks.peers.suites import Task, reference_directions
from benchmarks.peers.voicehive_optimizer import OURS, run_voicehive

Method = Callable[[int], Run]


class Compared(NamedTuple):
    """One task: medians over the seeds.

    Attributes:
        measure: the name of what `qualities` are, by method.
        ratio: of ours to the best peer's, above 1 where ours is better.
        seconds: of CPU time, by method.
    """

    task: str
    measure: str
    qualities: Mapping[str, float]
    best_peer: str
    ratio: float
    seconds: Mapping[str, float]

    @property
    def time_ratio(self) -> float:
        """Our CPU time, relative to that of pymoo's fastest algorithm; NaN where pymoo was not run."""
        pymoo = [seconds for method, seconds in self.seconds.items() if method in PYMOO]
        return self.seconds[OURS] / min(pymoo) if pymoo else math.nan


def methods(task: Task, libraries: Iterable[str]) -> dict[str, Method]:
    """Ours, and what the libraries have for this task, each as a function of the seed."""
    problem, size, generations = task.problem(), task.population, task.generations
    found: dict[str, Method] = {OURS: lambda seed: run_voicehive(problem, size, generations, seed)}
    if "pymoo" in libraries:
        directions = reference_directions(problem.n_obj)
        for name in PYMOO:
            found[name] = lambda seed, name=name: run_pymoo(name, problem, size, generations, directions, seed)
    if "pygmo" in libraries and (own := pygmo_problem(task)) is not None:
        for name in PYGMO:
            found[name] = lambda seed, name=name: run_pygmo(name, task, own, seed)
    if "optuna" in libraries:
        found[OPTUNA] = lambda seed: run_optuna(problem, size, generations, seed)
    return found


def compare(
    task: Task,
    able: Mapping[str, Method],
    seeds: Sequence[int],
    seeds_of_optuna: Sequence[int],
    ran: Callable[[], None],
) -> Compared:
    """Run every method with every seed, in turn so that noise hits them alike; `ran` is called after each."""
    runs: dict[str, list[Run]] = {}
    for seed in seeds:
        for name, method in able.items():
            if name != OPTUNA or seed in seeds_of_optuna:
                runs.setdefault(name, []).append(method(seed))
            ran()
    measure = measure_of(task, [run.objectives for every in runs.values() for run in every])
    qualities = {name: statistics.median(measure.of(run.objectives) for run in every) for name, every in runs.items()}
    seconds = {name: statistics.median(run.seconds.cpu for run in every) for name, every in runs.items()}
    ratios = {name: measure.ratio(qualities[OURS], value) for name, value in qualities.items() if name != OURS}
    best = min(ratios, key=lambda name: ratios[name])
    return Compared(task.name, measure.name, qualities, best, ratios[best], seconds)
