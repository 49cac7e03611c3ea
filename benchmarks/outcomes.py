"""Claims: watching never raises false alarms beyond alpha, and finds a degradation in fewer readings than a fixed test.

Against: a t test repeated at every reading (what a dashboard with a p-value does), and a t test that looks once, both
on the very same readings. Every series has its own baseline; nothing about its distribution is told to the test. Then:
how many readings it takes on average to a verdict, as a share of what the fixed-sample test of equal alpha and power
needs (goals: at most 0.8 for the degradation that was planned for, 0.3 for twice that); and what a reading costs,
against the t test recomputed from all readings at each of them. Every row says whether it meets its goal.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.signal import lfilter
from scipy.stats import binom, ttest_ind
from scipy.stats import t as student

from voicehive.autonomy.outcomes.beginning import FEWEST_INDEPENDENT, begin
from voicehive.autonomy.outcomes.dependence import variance_inflation
from voicehive.autonomy.outcomes.observation import observe
from voicehive.autonomy.outcomes.points import MetricPoint
from voicehive.autonomy.outcomes.sample_size import fixed_sample_size
from voicehive.autonomy.outcomes.simulation import Evidence, rank_evidence, sign_evidence
from voicehive.autonomy.outcomes.sources import StoreSource
from voicehive.autonomy.outcomes.watch import OutcomeWatch, WatchedMetric

Floats: TypeAlias = NDArray[np.float64]
Draw: TypeAlias = Callable[[np.random.Generator, tuple[int, int], float], Floats]

RUNS = 2_000
POWER_RUNS = 1_000
ALPHA = 0.05
MISS = 0.075
BASELINE = 100
WINDOW = 100
PLANNED = 0.5
"""In standard deviations of a reading."""


@dataclass(frozen=True)
class Noise:
    """How readings of a metric are drawn, shifted by so much, and their standard deviation without a shift."""

    deviation: float
    draw: Draw


def filtered(past: list[float], shocks: list[float], generator: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """ARMA series (R, N) of unit variance, past their beginning."""
    noise = generator.standard_normal((shape[0], shape[1] + 200))
    series: Floats = lfilter(shocks, [1.0, *(-one for one in past)], noise, axis=1)[:, 200:]
    return series / series.std()


def proportion(chance: float) -> Draw:
    """The share of 50 calls to which something happens; a degradation makes it likelier."""
    return lambda generator, shape, shift: generator.binomial(50, chance + shift, shape) / 50


NOISES = {
    "normal": Noise(1.0, lambda generator, shape, shift: generator.standard_normal(shape) + shift),
    "skewed: exponential": Noise(1.0, lambda generator, shape, shift: generator.standard_exponential(shape) + shift),
    "skewed: lognormal": Noise(2.161, lambda generator, shape, shift: generator.lognormal(0.0, 1.0, shape) + shift),
    "heavy tails: t, 3 degrees": Noise(3**0.5, lambda generator, shape, shift: generator.standard_t(3, shape) + shift),
    "proportion: 10 % of 50": Noise(0.0424, proportion(0.1)),
    "proportion: 2 % of 50": Noise(0.0198, proportion(0.02)),
    "rare: 0.05 % of 50": Noise(0.00316, proportion(0.0005)),
}


DEPENDENT: dict[str, tuple[list[float], list[float]]] = {
    "AR(1) 0.1": ([0.1], [1.0]),
    "AR(1) 0.2": ([0.2], [1.0]),
    "AR(1) 0.5": ([0.5], [1.0]),
    "AR(1) 0.7": ([0.7], [1.0]),
    "AR(2) 0.3, 0.4": ([0.3, 0.4], [1.0]),
    "moving average of four": ([], [1.0, 1.0, 1.0, 1.0]),
}
"""What is passed to `filtered`."""


def repeated_t(baseline: Floats, after: Floats) -> Floats:
    """The t statistics (R, N - 1) of the two-sample test on the first 2, 3, ... N readings after."""
    before: int = baseline.shape[1]
    count: Floats = np.arange(1.0, after.shape[1] + 1)
    mean: Floats = after.cumsum(axis=1) / count
    energy: Floats = (after**2).cumsum(axis=1)
    within: Floats = energy - count * mean**2 + baseline.var(axis=1, keepdims=True) * before
    deviation = np.sqrt(np.maximum(within, 1e-300) / (before + count - 2) * (1 / before + 1 / count))
    return ((mean - baseline.mean(axis=1, keepdims=True)) / deviation)[:, 1:]


def t_alarms(baseline: Floats, after: Floats) -> tuple[float, float]:
    """The shares of series that a one-sided t test calls worse: looking at every reading, and looking once."""
    statistics = repeated_t(baseline, after)
    freedoms = baseline.shape[1] + np.arange(2.0, after.shape[1] + 1) - 2
    critical: Floats = np.asarray(student.isf(ALPHA, freedoms))
    return float((statistics > critical).any(axis=1).mean()), float((statistics[:, -1] > critical[-1]).mean())


def ranked(before: Floats, after: Floats, planned: float, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Which series (R,) are called worse at some time."""
    return rank_evidence(before, after, planned, generator, alpha=ALPHA, miss=MISS).ever_degraded


def met(goal: bool) -> str:
    """Yes or no."""
    return "yes" if goal else "NO"


def within(alarms: NDArray[np.bool_]) -> list[str]:
    """The share of alarms (R,), and whether it is one that a test of level alpha shows in 97.5 % of cases."""
    return [f"{alarms.mean():.3f}", met(int(alarms.sum()) <= int(binom.ppf(0.975, len(alarms), ALPHA)))]


def dependent_row(name: str, generator: np.random.Generator) -> list[str]:
    """Of dependent readings; a baseline that is worth too few independent ones is refused, and raises no alarm."""
    series = filtered(*DEPENDENT[name], generator, (RUNS, 4 * BASELINE))
    before, after = series[:, : 2 * BASELINE], series[:, 2 * BASELINE :]
    usable = before.shape[1] >= FEWEST_INDEPENDENT * np.asarray(variance_inflation(before))
    alarms = ranked(before, after, PLANNED, generator) & usable
    return [f"{name}, {1 - usable.mean():.0%} refused", *within(alarms), *shares(t_alarms(before, after))]


def shares(numbers: tuple[float, ...]) -> list[str]:
    """As text."""
    return [f"{number:.3f}" for number in numbers]


def aa_table(generator: np.random.Generator) -> Table:
    """False alarms where nothing happened."""
    table = Table(
        "readings",
        *("ours, at every reading", "within alpha", "t test, at every reading", "t test, once"),
        title=f"A/A: share of {RUNS} series called bad, though nothing changed (alpha {ALPHA}, {BASELINE} readings "
        f"before, {WINDOW} after; twice that where dependent)",
    )
    for name, noise in NOISES.items():
        series = noise.draw(generator, (RUNS, BASELINE + WINDOW), 0.0)
        before, after = series[:, :BASELINE], series[:, BASELINE:]
        ours = ranked(before, after, PLANNED * noise.deviation, generator)
        table.add_row(name, *within(ours), *shares(t_alarms(before, after)))
    for name in DEPENDENT:
        table.add_row(*dependent_row(name, generator))
    steady = generator.standard_normal((RUNS, BASELINE + WINDOW))
    differences = ranked(steady[:, :BASELINE], steady[:, BASELINE:], PLANNED, generator)
    table.add_row("canary: differences, known from before", *within(differences))
    for name, uneven in (
        ("canary: signs", steady[:, :WINDOW]),
        ("canary: signs, noise growing eightfold", steady[:, :WINDOW] * np.linspace(0.5, 4.0, WINDOW)),
    ):
        table.add_row(name, *within(sign_evidence(uneven, PLANNED, alpha=ALPHA, miss=MISS).ever_degraded))
    return table


@dataclass(frozen=True)
class Design:
    """What a watch is planned for: `effect` in standard deviations, and how many readings there are from before."""

    readings: str
    alpha: float
    power: float
    effect: float
    baseline: int | None

    @property
    def miss(self) -> float:
        """As `OutcomeWatch.miss`."""
        return 0.75 * (1 - self.power)

    def draw(self, multiple: float, runs: int, count: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
        """Readings before and after, the latter worse by a multiple of the plan; for signs, differences after only."""
        noise = NOISES.get(self.readings, NOISES["normal"])
        before = noise.draw(generator, (runs, self.baseline or 0), 0.0)
        return before, noise.draw(generator, (runs, count), multiple * self.effect * noise.deviation)

    def watch(self, multiple: float, count: int, generator: np.random.Generator) -> Evidence:
        """Watch so many readings, worse by a multiple of the plan."""
        before, after = self.draw(multiple, POWER_RUNS, count, generator)
        if self.baseline is None:
            return sign_evidence(after, self.effect, alpha=self.alpha, miss=self.miss)
        planned = self.effect * NOISES[self.readings].deviation
        return rank_evidence(before, after, planned, generator, alpha=self.alpha, miss=self.miss)

    def fixed(self, power: float) -> int:
        """What a t test needs that looks once: by formula for normal readings, else by simulation."""
        needed = fixed_sample_size(self.effect, self.alpha, power, self.baseline)
        if needed is None:
            raise ValueError(f"{self}: no number of readings suffices with so small a baseline")
        if self.baseline is None or self.readings == "normal":
            return needed
        statistics = repeated_t(*self.draw(1.0, 4_000, 3 * needed, np.random.default_rng(1)))
        critical: Floats = np.asarray(student.isf(self.alpha, self.baseline + np.arange(2.0, 3 * needed + 1) - 2))
        return int(np.argmax((statistics > critical).mean(axis=0) >= power)) + 2


DESIGNS = (
    Design("normal", 0.05, 0.9, 0.5, 100),
    Design("normal", 0.05, 0.9, 0.5, 200),
    Design("normal", 0.05, 0.9, 0.3, 500),
    Design("normal", 0.05, 0.9, 1.0, 100),
    Design("normal", 0.05, 0.8, 0.5, 200),
    Design("normal", 0.01, 0.9, 0.5, 400),
    Design("skewed: exponential", 0.05, 0.9, 0.5, 200),
    Design("proportion: 10 % of 50", 0.05, 0.9, 0.5, 200),
    Design("proportion: 2 % of 50", 0.05, 0.9, 0.5, 200),
    Design("proportion: 2 % of 50", 0.05, 0.9, 0.5, 400),
    Design("canary: signs only", 0.05, 0.9, 0.2, None),
    Design("canary: signs only", 0.05, 0.9, 0.3, None),
    Design("canary: signs only", 0.05, 0.9, 0.5, None),
)


def power_row(design: Design, generator: np.random.Generator) -> list[str]:
    """How soon a design decides, in a window of three fixed samples; the peer uses all of the baseline."""
    fixed = design.fixed(design.power)
    planned, twice = (design.watch(multiple, 3 * fixed, generator) for multiple in (1.0, 2.0))
    found = float(planned.bad.mean())
    share, twice_share = planned.readings.mean() / design.fixed(found), twice.readings.mean() / fixed
    missed = int(planned.good.sum()) <= int(binom.ppf(0.975, POWER_RUNS, design.miss))
    return [
        design.readings,
        f"{design.alpha:g} / {design.power:g}",
        f"{design.effect:g}",
        "-" if design.baseline is None else str(design.baseline),
        str(fixed),
        f"{planned.readings.mean() / fixed:.2f}",
        f"{found:.3f}",
        f"{share:.2f} {met(share <= 0.8)}",
        f"{twice_share:.2f} {met(twice_share <= 0.3)}",
        f"{planned.good.mean():.3f} {met(missed)}",
    ]


def power_table(generator: np.random.Generator) -> Table:
    """Readings to a verdict, against the fixed-sample test."""
    table = Table(
        title=f"Average readings to a verdict, {POWER_RUNS} series each, as a share of the fixed-sample t test's; "
        "goals: 0.8, 0.3, and wrongly good at most 3/4 of 1 - power"
    )
    for heading in (
        *("readings", "alpha / power", "planned (sd)", "before", "fixed test needs", "planned size"),
        *("found", "at the power found", "twice the size", "wrongly good"),
    ):
        table.add_column(heading, justify="left" if heading == "readings" else "right")
    for design in DESIGNS:
        table.add_row(*power_row(design, generator))
    return table


def microseconds_a_reading(generator: np.random.Generator) -> tuple[float, float]:
    """What folding one reading into a stored state takes, and what recomputing SciPy's t test takes."""
    before, after = generator.standard_normal(BASELINE), generator.standard_normal(WINDOW)
    metric = WatchedMetric(
        name="answer_time",
        source=StoreSource(kind="store", series="answer_time"),
        direction="minimize",
        planned_degradation=PLANNED,
        baseline=tuple(before.tolist()),
    )
    watch = OutcomeWatch(metrics=(metric,), window=timedelta(minutes=WINDOW), interval=timedelta(minutes=1))
    started = datetime(2026, 1, 1, tzinfo=UTC)
    points = [
        MetricPoint.of(metric.name, started + timedelta(minutes=minute), value)
        for minute, value in enumerate(after.tolist())
    ]
    state = begin(watch, started)
    began = time.perf_counter()
    for point in points:
        state = observe(watch, state, [point])
    ours = time.perf_counter() - began
    began = time.perf_counter()
    for count in range(2, WINDOW + 1):
        ttest_ind(after[:count], before, alternative="greater")
    peer = time.perf_counter() - began
    return 1e6 * ours / WINDOW, 1e6 * peer / (WINDOW - 1)


def main() -> None:
    """Print the tables."""
    console = Console(width=160)
    generator = np.random.default_rng(2026)
    console.print(aa_table(generator))
    console.print(power_table(generator))
    ours, peer = microseconds_a_reading(generator)
    console.print(f"A reading: {ours:.0f} us to fold in, {peer:.0f} us for SciPy's t test; ratio {ours / peer:.2f}")


if __name__ == "__main__":
    main()
