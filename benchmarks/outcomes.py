"""Claims: watching never raises false alarms beyond alpha, and finds a degradation in fewer readings than a fixed test.

Against: a t test repeated at every reading (what a dashboard with a p-value does), and a t test that looks once, both
on the very same readings. Every series has its own baseline; nothing about its distribution is told to the test. Then:
how many readings it takes on average to a verdict, as a share of what the fixed-sample test of equal alpha and power
needs (goals: at most 0.8 for the degradation that was planned for, 0.3 for twice that); and what a reading costs,
against the t test recomputed from all readings at each of them.
"""

import math
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
from scipy.stats import t as student
from scipy.stats import ttest_ind

from voicehive.autonomy.outcomes.beginning import begin
from voicehive.autonomy.outcomes.blocks import block_length
from voicehive.autonomy.outcomes.observation import observe
from voicehive.autonomy.outcomes.points import MetricPoint
from voicehive.autonomy.outcomes.sample_size import fixed_sample_size
from voicehive.autonomy.outcomes.sequential_ranks import readings_for_scale
from voicehive.autonomy.outcomes.simulation import Evidence, rank_evidence, sign_evidence
from voicehive.autonomy.outcomes.sources import StoreSource
from voicehive.autonomy.outcomes.watch import OutcomeWatch, WatchedMetric

Floats: TypeAlias = NDArray[np.float64]
Draw: TypeAlias = Callable[[np.random.Generator, tuple[int, int], float], Floats]

RUNS = 2_000
POWER_RUNS = 400
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


def autoregressive(generator: np.random.Generator, runs: int, count: int, correlation: float = 0.5) -> Floats:
    """A stationary AR(1) series of unit variance."""
    shocks = generator.standard_normal((runs, count))
    shocks[:, 1:] *= math.sqrt(1 - correlation**2)
    return lfilter([1.0], [1.0, -correlation], shocks, axis=1)


def proportion(chance: float) -> Draw:
    """The share of 50 calls to which something happens; a degradation makes it likelier."""
    return lambda generator, shape, shift: generator.binomial(50, chance + shift, shape) / 50


NOISES = {
    "normal": Noise(1.0, lambda generator, shape, shift: generator.standard_normal(shape) + shift),
    "skewed: exponential": Noise(1.0, lambda generator, shape, shift: generator.standard_exponential(shape) + shift),
    "skewed: lognormal": Noise(2.161, lambda generator, shape, shift: generator.lognormal(0.0, 1.0, shape) + shift),
    "heavy tails: t, 3 degrees": Noise(3**0.5, lambda generator, shape, shift: generator.standard_t(3, shape) + shift),
    "proportion: 2 % of 50": Noise(0.0198, proportion(0.02)),
    "rare: 0.05 % of 50": Noise(0.00316, proportion(0.0005)),
}


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


def in_blocks(series: Floats, baseline: int, planned: float, generator: np.random.Generator) -> tuple[float, float]:
    """The share of series called worse if each is averaged into blocks as its own baseline says; and the mean block."""
    lengths = np.array([block_length(one[:baseline].tolist()) for one in series])
    alarms = 0
    for length in np.unique(lengths):
        some = series[lengths == length]
        before, after = (
            part[:, part.shape[1] % length :].reshape(len(some), -1, length).mean(axis=2)
            for part in (some[:, :baseline], some[:, baseline:])
        )
        if before.shape[1] > readings_for_scale(before.shape[1]):
            alarms += int(ranked(before, after, planned, generator).sum())
    return alarms / len(series), float(lengths.mean())


def aa_table(generator: np.random.Generator) -> Table:
    """False alarms where nothing happened."""
    table = Table(
        title=f"A/A: share of {RUNS} series called bad, though nothing changed (alpha {ALPHA}, "
        f"{BASELINE} readings before, {WINDOW} after)"
    )
    for heading in ("readings", "ours, at every reading", "t test, at every reading", "t test, once"):
        table.add_column(heading)
    for name, noise in NOISES.items():
        series = noise.draw(generator, (RUNS, BASELINE + WINDOW), 0.0)
        before, after = series[:, :BASELINE], series[:, BASELINE:]
        ours = ranked(before, after, PLANNED * noise.deviation, generator).mean()
        table.add_row(name, f"{ours:.3f}", *(f"{share:.3f}" for share in t_alarms(before, after)))
    # Four times the baseline and window, so that enough blocks are left of a baseline of dependent readings.
    series = autoregressive(generator, RUNS, 4 * (BASELINE + WINDOW))
    before, after = series[:, : 4 * BASELINE], series[:, 4 * BASELINE :]
    peers = [f"{share:.3f}" for share in t_alarms(before, after)]
    alone = ranked(before, after, PLANNED, generator).mean()
    blocks, length = in_blocks(series, 4 * BASELINE, PLANNED, generator)
    table.add_row(f"AR(1) 0.5, blocks of {length:.1f} chosen by the baseline", f"{blocks:.3f}", *peers)
    table.add_row("AR(1) 0.5, not in blocks: beyond what is assumed", f"{alone:.3f}", *peers)
    steady = generator.standard_normal((RUNS, BASELINE + WINDOW))
    differences = ranked(steady[:, :BASELINE], steady[:, BASELINE:], PLANNED, generator)
    table.add_row("canary: differences, known from before", f"{differences.mean():.3f}", "", "")
    uneven = steady[:, :WINDOW] * np.linspace(0.5, 4.0, WINDOW)
    signs = sign_evidence(uneven, PLANNED, alpha=ALPHA, miss=MISS).ever_degraded
    table.add_row("canary: signs, noise growing eightfold", f"{signs.mean():.3f}", "", "")
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

    def watch(self, multiple: float, count: int, generator: np.random.Generator) -> Evidence:
        """Watch so many readings, worse by a multiple of the plan."""
        if self.baseline is None:
            differences = generator.standard_normal((POWER_RUNS, count)) + multiple * self.effect
            return sign_evidence(differences, self.effect, alpha=self.alpha, miss=self.miss)
        noise = NOISES[self.readings]
        planned = self.effect * noise.deviation
        before = noise.draw(generator, (POWER_RUNS, self.baseline), 0.0)
        after = noise.draw(generator, (POWER_RUNS, count), multiple * planned)
        return rank_evidence(before, after, planned, generator, alpha=self.alpha, miss=self.miss)


DESIGNS = (
    Design("normal", 0.05, 0.9, 0.5, 100),
    Design("normal", 0.05, 0.9, 0.5, 200),
    Design("normal", 0.05, 0.9, 0.3, 400),
    Design("normal", 0.05, 0.9, 1.0, 100),
    Design("normal", 0.05, 0.8, 0.5, 200),
    Design("normal", 0.01, 0.9, 0.5, 200),
    Design("skewed: exponential", 0.05, 0.9, 0.5, 100),
    # No shift, so beyond what "good" rests on; `judge` withholds "good" from readings of so few values.
    Design("proportion: 2 % of 50", 0.05, 0.9, 0.5, 200),
    Design("canary: signs only", 0.05, 0.9, 0.2, None),
    Design("canary: signs only", 0.05, 0.9, 0.3, None),
    Design("canary: signs only", 0.05, 0.9, 0.5, None),
)


def power_row(design: Design, generator: np.random.Generator) -> list[str]:
    """How soon a design decides, in a window of three fixed samples; the peer uses all of the baseline."""
    fixed = fixed_sample_size(design.effect, design.alpha, design.power, design.baseline)
    if fixed is None:
        raise ValueError(f"{design}: no number of readings suffices with so small a baseline")
    planned, twice = (design.watch(multiple, 3 * fixed, generator) for multiple in (1.0, 2.0))
    found = float(planned.bad.mean())
    equal = fixed_sample_size(design.effect, design.alpha, found, design.baseline)
    return [
        design.readings,
        f"{design.alpha:g} / {design.power:g}",
        f"{design.effect:g}",
        "-" if design.baseline is None else str(design.baseline),
        str(fixed),
        f"{planned.readings.mean() / fixed:.2f}",
        f"{found:.3f}",
        "-" if equal is None else f"{planned.readings.mean() / equal:.2f}",
        f"{twice.readings.mean() / fixed:.2f}",
        f"{planned.good.mean():.3f}",
    ]


def power_table(generator: np.random.Generator) -> Table:
    """Readings to a verdict, against the fixed-sample test."""
    table = Table(
        title=f"Average readings to a verdict, {POWER_RUNS} series each, as a share of the fixed-sample t test's"
    )
    for heading in (
        *("readings", "alpha / power", "planned (sd)", "before", "fixed test needs", "planned size"),
        *("found", "share at the power found", "twice the size", "wrongly good"),
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
