"""Claims: 100,000 samples of 50 drivers joined by a copula, with all statistics of 20 goals, take under a second on one
core and under 1 GiB.

The peer is the same in plain NumPy and SciPy, as one would write it: random normal samples, `scipy.stats` inverses,
`numpy.quantile`, and conditional means by driver and goal. It does less: no standard errors, no total effects, no
stress tests. The errors of both are measured against a long run of ours.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy import stats
from threadpoolctl import threadpool_limits

from voicehive.planning.copula import Correlation, Dependence
from voicehive.planning.distributions import Beta, Distribution, Empirical, LogNormal, Normal, Pert, Poisson, Triangular
from voicehive.planning.scenarios import Driver, Impact, Ramp, Scenario, ScenarioSet
from voicehive.planning.simulation.result import SimulationResult
from voicehive.planning.simulation.simulate import simulate
from voicehive.planning.simulation.targets import GoalTarget

Floats = NDArray[np.float64]

DRIVERS, GOALS, SAMPLES, DUE = 50, 20, 100_000, 11
RUNS, LONG_RUN, BINS = 5, 1_000_000, 48
OBSERVED = tuple(np.random.default_rng(3).gamma(2.0, 1.0, 250).tolist())


class Work(NamedTuple):
    """A plan to simulate, and its plain description for the peer."""

    goals: list[GoalTarget]
    scenarios: ScenarioSet
    peers: list[Callable[[Floats], Floats]]
    correlation: Floats
    sizes: Floats


class Taken(NamedTuple):
    """Seconds of one run."""

    cpu: float
    wall: float


def driver_distributions() -> list[tuple[Distribution, Callable[[Floats], Floats]]]:
    """Every kind of distribution, with its inverse by SciPy."""
    observed = np.array(OBSERVED)
    return [
        (Normal(mean=1.0, sd=0.5), stats.norm(1.0, 0.5).ppf),
        (LogNormal(median=1.0, sigma=0.4), stats.lognorm(0.4).ppf),
        (Triangular(low=0.0, mode=1.0, high=3.0), stats.triang(1 / 3, 0.0, 3.0).ppf),
        (Pert(low=0.0, mode=1.0, high=4.0), stats.beta(2.0, 4.0, 0.0, 4.0).ppf),
        (Beta(alpha=2.0, beta=3.0), stats.beta(2.0, 3.0).ppf),
        (Poisson(rate=4.0), stats.poisson(4.0).ppf),
        (Empirical(values=OBSERVED), lambda u: np.quantile(observed, u, method="inverted_cdf")),
    ]


def work(copula: str) -> Work:
    """Fifty drivers that all correlate, in five certain scenarios, each acting on all twenty metrics."""
    rng = np.random.default_rng(5)
    kinds = driver_distributions()
    chosen = [kinds[row % len(kinds)] for row in range(DRIVERS)]
    names = [f"driver{row}" for row in range(DRIVERS)]
    loadings = rng.normal(size=(DRIVERS, 5))
    covariance = loadings @ loadings.T + 3.0 * np.eye(DRIVERS)
    correlation = np.round(covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance))), 3)
    stated = tuple(
        Correlation(drivers=(names[row], names[column]), coefficient=float(correlation[row, column]))
        for row in range(DRIVERS)
        for column in range(row)
    )
    sizes = rng.normal(size=(GOALS, DRIVERS))
    scenarios = tuple(
        _scenario(part, names[10 * part : 10 * part + 10], chosen, sizes) for part in range(DRIVERS // 10)
    )
    dependence = Dependence(correlations=stated)
    if copula == "t":
        dependence = Dependence(correlations=stated, copula="t", degrees_of_freedom=4.0)
    goals = [GoalTarget(f"goal{row}", f"metric{row}", 10.0, 12.0, DUE) for row in range(GOALS)]
    whole = ScenarioSet(scenarios=scenarios, dependence=dependence)
    return Work(goals, whole, [peer for _, peer in chosen], correlation, sizes)


def _scenario(
    part: int, names: list[str], chosen: list[tuple[Distribution, Callable[[Floats], Floats]]], sizes: Floats
) -> Scenario:
    first = 10 * part
    return Scenario(
        id=f"scenario{part}",
        name=f"scenario {part}",
        probability=1.0,
        drivers=tuple(Driver(name=name, distribution=chosen[first + row][0]) for row, name in enumerate(names)),
        impacts=tuple(
            Impact(metric=f"metric{goal}", size=float(sizes[goal, first + row]), driver=name, profile=Ramp(periods=6))
            for row, name in enumerate(names)
            for goal in range(GOALS)
        ),
    )


def naive(given: Work, samples: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """The peer's simulation: probabilities (G,) and means (G,), after computing all its statistics."""
    scores = rng.multivariate_normal(np.zeros(DRIVERS), given.correlation, size=samples)
    uniform = stats.norm.cdf(scores)
    values = np.column_stack([peer(uniform[:, row]) for row, peer in enumerate(given.peers)])
    beyond = 10.0 + values @ given.sizes.T - 12.0
    np.quantile(beyond, (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95), axis=0)
    for column in beyond.T:
        column[column <= np.quantile(column, 0.05)].mean()
    edges = np.linspace(0.0, 1.0, BINS + 1)[1:-1]
    for row in range(DRIVERS):
        bins = np.digitize(uniform[:, row], edges)
        counts = np.bincount(bins, minlength=BINS)
        for column in beyond.T:
            _influence(np.bincount(bins, column, BINS) / counts, np.bincount(bins, column >= 0.0, BINS) / counts)
    return (beyond >= 0.0).mean(axis=0), beyond.mean(axis=0)


def _influence(means: Floats, probabilities: Floats) -> tuple[float, float, float, float]:
    """First-order variance, value of information, and both ends of the tornado, as plainly as can be."""
    information = np.maximum(means, 0.0).mean() - max(means.mean(), 0.0)
    return means.var(), information, means[BINS // 10], probabilities[-BINS // 10]


def timed(run: Callable[[], object], runs: int) -> Taken:
    """The median of some runs, after one to warm up."""
    run()
    taken: list[Taken] = []
    for _ in range(runs):
        cpu, wall = time.process_time(), time.perf_counter()
        run()
        taken.append(Taken(time.process_time() - cpu, time.perf_counter() - wall))
    return Taken(*(float(np.median(column)) for column in zip(*taken, strict=True)))


def errors(given: Work) -> tuple[Floats, Floats]:
    """Root mean squared errors of (probability, mean), ours and the peer's, against a long run; means by their sd."""
    reference = simulate(given.goals, given.scenarios, np.random.default_rng(99), samples=LONG_RUN)
    truth, sd = _figures(reference), np.array([[1.0] * GOALS, [goal.sd.value for goal in reference.goals]])
    ours = _figures(simulate(given.goals, given.scenarios, np.random.default_rng(1), samples=SAMPLES))
    probability, beyond = naive(given, SAMPLES, np.random.default_rng(1))
    theirs = np.array([probability, beyond + 12.0])
    return tuple(np.sqrt(np.square((one - truth) / sd).mean(axis=1)) for one in (ours, theirs))


def _figures(result: SimulationResult) -> Floats:
    return np.array([[goal.probability.value for goal in result.goals], [goal.mean.value for goal in result.goals]])


def peak_memory() -> float:
    """The most that this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def simulation(console: Console, runs: int) -> None:
    """Time ours, then the peer, and compare their errors."""
    table = Table("method", "s CPU", "s wall", "peak MiB", "ratio of CPU", title="100,000 x 20 goals x 50 drivers")
    load = os.getloadavg()[0]
    taken: dict[str, Taken] = {}
    peaks: dict[str, float] = {}
    for copula in ("gaussian", "t"):
        given = work(copula)

        def ours(given: Work = given) -> SimulationResult:
            return simulate(given.goals, given.scenarios, np.random.default_rng(1), samples=SAMPLES)

        taken[f"ours, {copula} copula"] = timed(ours, runs)
        peaks[f"ours, {copula} copula"] = peak_memory()
    plain = work("gaussian")
    taken["NumPy and SciPy, gaussian"] = timed(lambda: naive(plain, SAMPLES, np.random.default_rng(1)), 1)
    peaks["NumPy and SciPy, gaussian"] = peak_memory()
    peer = taken["NumPy and SciPy, gaussian"].cpu
    for method, seconds in taken.items():
        figures = (f"{seconds.cpu:.2f}", f"{seconds.wall:.2f}", f"{peaks[method]:.0f}", f"{seconds.cpu / peer:.3f}")
        table.add_row(method, *figures)
    console.print(table)
    mine, theirs = errors(plain)
    console.print(
        f"error of P(achieved): ours {mine[0]:.5f}, peer {theirs[0]:.5f}; of the mean, in standard deviations: ours "
        f"{mine[1]:.6f}, peer {theirs[1]:.6f}"
    )
    _judge(console, taken["ours, gaussian copula"].cpu, peaks["ours, gaussian copula"])
    console.print(
        f"median of {runs} runs, one thread; judged by CPU time: wall time on an idle core; load {load:.1f} before, "
        f"{os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores; memory with all libraries loaded"
    )


def _judge(console: Console, seconds: float, mebibytes: float) -> None:
    table = Table("work", "found", "to reach", "reached")
    table.add_row("simulation: time", f"{seconds:.2f} s", "under 1 s", "yes" if seconds < 1.0 else "no")
    table.add_row("simulation: memory", f"{mebibytes:.0f} MiB", "under 1,024 MiB", "yes" if mebibytes < 1024 else "no")
    console.print(table)


def main() -> None:
    """Run the section on one thread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS, help="of ours; the peer runs twice")
    given = parser.parse_args()
    with threadpool_limits(1):
        simulation(Console(width=100), given.runs)


if __name__ == "__main__":
    main()
