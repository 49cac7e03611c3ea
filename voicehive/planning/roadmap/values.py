"""What initiatives are worth, sample by sample: the matrix that a simulation gives, or one drawn from their effects."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from voicehive.planning.errors import UnknownName
from voicehive.planning.initiatives import Initiative
from voicehive.planning.roadmap.errors import RoadmapInvalid
from voicehive.planning.roadmap.problem import RoadmapProblem

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


class ValueSamples(NamedTuple):
    """The value of each counting initiative by the period it starts in: `values` (S, I, T), in their order.

    `scenario` says which of the K `scenarios` each sample belongs to: (S,) by number, or (K, S) as flags where several
    can happen at once. Leave both out where there are none.
    """

    values: Floats
    scenario: Integers | Flags | None = None
    scenarios: tuple[str, ...] = ()

    def belonging(self, number: int) -> Flags:
        """Flag the samples (S,) of one scenario."""
        if self.scenario is None:
            return np.ones(len(self.values), dtype=np.bool_)
        return self.scenario[number].astype(np.bool_) if self.scenario.ndim == 2 else self.scenario == number


def discounted(samples: Floats, discount: Floats) -> Floats:
    """Spread values (S, I) over starts: (S, I, T), each times the share (T,) that is left at a start in a period."""
    return samples[:, :, None] * discount[None, None, :]


def values_of_effects(
    problem: RoadmapProblem, worth: Mapping[str, float], generator: np.random.Generator, samples: int
) -> ValueSamples:
    """Draw what the initiatives' effects are worth, independently of each other.

    An effect counts in every period from its delay after the planned finish to the horizon's end; nothing counts where
    the initiative fails.

    Args:
        problem: the initiatives and the horizon.
        worth: the value of one unit of each metric for one period; below 0 where less is better.
        generator: where chance comes from.
        samples: how many to draw.

    Raises:
        UnknownName: an effect is on a metric of no known worth.
    """
    values = np.zeros((samples, len(problem.counting), problem.horizon.periods))
    for place, initiative in enumerate(problem.counting):
        for number, effect in enumerate(initiative.effects):
            if effect.metric not in worth:
                raise UnknownName(
                    f"initiative {initiative.id!r}: effects[{number}]",
                    f"metric {effect.metric!r} has no worth",
                    f"say what a unit of it is worth in one period: {', '.join(sorted(worth)) or 'none'} have one",
                )
        values[:, place] = _effects(problem, initiative, worth, generator, samples)
    return ValueSamples(values)


def _effects(
    problem: RoadmapProblem,
    initiative: Initiative,
    worth: Mapping[str, float],
    generator: np.random.Generator,
    count: int,
) -> Floats:
    starts = np.arange(problem.horizon.periods)
    total = np.zeros((count, len(starts)))
    for effect in initiative.effects:
        change = effect.change.quantile(generator.random(count))
        delay = np.zeros(count) if effect.delay is None else effect.delay.quantile(generator.random(count))
        first = starts[None, :] + problem.planned[initiative.id] + np.maximum(delay, 0.0)[:, None]
        total += worth[effect.metric] * change[:, None] * np.maximum(len(starts) - first, 0.0)
    return total * (generator.random(count) >= initiative.failure_probability)[:, None]


def check_values(problem: RoadmapProblem, samples: ValueSamples) -> None:
    """See that samples fit the problem.

    Raises:
        RoadmapInvalid: a wrong shape, or a number that is not finite.
    """
    shape = (len(problem.counting), problem.horizon.periods)
    if samples.values.ndim != 3 or samples.values.shape[1:] != shape or not len(samples.values):
        raise RoadmapInvalid(
            "values",
            f"have shape {samples.values.shape}",
            f"give (samples, {shape[0]} initiatives, {shape[1]} periods)",
        )
    if not np.isfinite(samples.values).all():
        number = int(np.flatnonzero(~np.isfinite(samples.values).all(axis=(0, 2)))[0])
        raise RoadmapInvalid(
            f"values ({problem.counting[number].id})",
            "hold a number that is not finite",
            "mend the simulation's values",
        )
    if samples.scenario is None:
        return
    if samples.scenario.ndim == 2:
        if samples.scenario.shape != (len(samples.scenarios), len(samples.values)):
            raise RoadmapInvalid("scenario", f"has shape {samples.scenario.shape}", "give (scenarios, samples)")
        return
    if samples.scenario.shape != (len(samples.values),):
        raise RoadmapInvalid("scenario", f"has shape {samples.scenario.shape}", "give one scenario a sample")
    if samples.scenario.min() < 0 or samples.scenario.max() >= len(samples.scenarios):
        raise RoadmapInvalid("scenario", "numbers a scenario that has no name", "count from 0 in `scenarios`")


def of_scenario(samples: ValueSamples, number: int) -> ValueSamples:
    """Keep the samples of one scenario."""
    return ValueSamples(samples.values[samples.belonging(number)])


def no_values(shape: Sequence[int]) -> ValueSamples:
    """Values of 0, where nothing but cost and finish counts."""
    return ValueSamples(np.zeros((1, *shape)))
