"""Takes a recommendation apart into single changes: what each does alone, and its share in the whole gain."""

from itertools import product
from math import factorial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.arrays import Floats
from voicehive.optimization.choice import TOLERANCE, weights_of
from voicehive.optimization.evaluation import Evaluation
from voicehive.optimization.evolution.population import Population
from voicehive.optimization.result import Adjustment

_MOST_EXACT = 6
_ORDERS = 20


def adjustments(
    evaluation: Evaluation, current: Population, chosen: Population, extent: Floats, rng: np.random.Generator
) -> tuple[Adjustment, ...]:
    """Each parameter that changes from `current` to `chosen` (one row each), the greatest share first.

    Shares are Shapley values, over all orders of up to 6 changes, over 20 random orders of more, of the weighted scaled
    gain, or of the reduction in violation where today's settings have the greater one. Sources: Shapley (1953), "A
    value for n-person games"; Castro, Gómez & Tejada (2009), "Polynomial calculation of the Shapley value based on
    sampling". None where a mixture of both settings does not come to numbers.

    Args:
        extent: each objective's range on the front (M,), above 0.
        rng: draws the orders.
    """
    today, wanted = current.points[0], chosen.points[0]
    changed = np.flatnonzero(today != wanted)
    if not changed.size:
        return ()
    exact = len(changed) <= _MOST_EXACT
    made = _every_subset(len(changed)) if exact else _chains(len(changed), rng)
    mixtures = np.repeat(today[None, :], len(made), axis=0)
    mixtures[:, changed] = np.where(made, wanted[changed], today[changed])
    judged = evaluation.evaluate(mixtures)
    if not judged.known.all():
        return ()
    measure, gains = _gains(evaluation, current, chosen, judged.population, extent)
    shares = _shapley(made, gains) if exact else _sampled(made, gains)
    whole = np.abs(shares).sum()
    shares = shares / whole if whole > TOLERANCE else np.zeros_like(shares)
    single = made.sum(axis=1) == 1
    alone = judged.population.take(np.array([np.argmax(single & made[:, place]) for place in range(len(changed))]))
    effects = evaluation.values(alone) - evaluation.values(current)[0]
    names = [objective.name for objective in evaluation.problem.objectives]
    before, after = evaluation.settings(current)[0], evaluation.settings(chosen)[0]
    found = [
        Adjustment(
            parameter=(name := evaluation.problem.parameters[column].name),
            before=before[name],
            after=after[name],
            effects=dict(zip(names, effects[place].tolist(), strict=True)),
            share=float(shares[place]),
            share_of=measure,
        )
        for place, column in enumerate(changed)
    ]
    return tuple(sorted(found, key=lambda adjustment: -adjustment.share))


def _gains(
    evaluation: Evaluation, current: Population, chosen: Population, mixtures: Population, extent: Floats
) -> tuple[Literal["gain", "violation"], Floats]:
    """What each mixture gains over today: in constraints, where today's settings break them more than the chosen."""
    if current.violations[0] > chosen.violations[0]:
        return "violation", current.violations[0] - mixtures.violations
    weights = weights_of(evaluation.problem.objectives)
    return "gain", (current.objectives[0] - mixtures.objectives) / extent @ weights


def _every_subset(changes: int) -> NDArray[np.bool_]:
    return np.array(list(product((False, True), repeat=changes)), dtype=np.bool_)


def _chains(changes: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Each order's way from no change to all of them, then each change alone: (20 (c + 1) + c, c)."""
    places = np.argsort(rng.random((_ORDERS, changes)), axis=1)
    steps = places[:, None, :] < np.arange(changes + 1)[None, :, None]
    return np.concatenate([steps.reshape(-1, changes), np.eye(changes, dtype=np.bool_)])


def _shapley(made: NDArray[np.bool_], gains: Floats) -> Floats:
    changes = made.shape[1]
    sizes = made.sum(axis=1)
    orders = np.array([factorial(size) * factorial(changes - size - 1) for size in range(changes)])
    shares = np.empty(changes)
    for place in range(changes):
        without = np.flatnonzero(~made[:, place])
        weight = orders[sizes[without]] / factorial(changes)
        shares[place] = weight @ (gains[without + (1 << (changes - 1 - place))] - gains[without])
    return shares


def _sampled(made: NDArray[np.bool_], gains: Floats) -> Floats:
    changes = made.shape[1]
    steps = made[: _ORDERS * (changes + 1)].reshape(_ORDERS, changes + 1, changes)
    added = np.diff(steps.astype(np.float64), axis=1)
    risen = np.diff(gains[: _ORDERS * (changes + 1)].reshape(_ORDERS, changes + 1), axis=1)
    return (added * risen[:, :, None]).sum(axis=(0, 1)) / _ORDERS
