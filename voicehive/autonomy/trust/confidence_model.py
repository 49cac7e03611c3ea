"""Turns the parts of a confidence into one probability of being right, in plain Python."""

import math
from bisect import bisect_right
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from voicehive.autonomy.trust.errors import PartsMismatch
from voicehive.autonomy.trust.outcome import Share
from voicehive.model import Identifier, Model

LOGIT_LIMIT = 1e-3
"""Parts closer to 0 or 1 than this count as this close: a part that claims certainty cannot outvote all others."""
PLATT_SHARE = 0.01
"""What isotonic regression leaves to Platt's, so that cases on one of its steps keep their order."""


class ConfidenceModel(Model):
    """A fitted map from parts to a probability; it never falls when a part rises.

    `platt`: sigmoid(intercept + sum of weight x logit(part)) (Platt 1999, on log-odds of several parts).
    `isotonic`: the same score through `knots` (score, probability), rising, interpolated (Zadrozny and Elkan 2002).
    `bound`: not calibrated; the least of the parts times `bound`, a lower limit of how often all was right.
    """

    method: Literal["platt", "isotonic", "bound"]
    weights: dict[Identifier, Annotated[float, Field(ge=0.0)]] = {}
    intercept: float = 0.0
    knots: tuple[tuple[float, Share], ...] = ()
    bound: Share = 0.0


def probability(model: ConfidenceModel, parts: Mapping[str, float]) -> float:
    """The probability of being right, in [0, 1], of a decision with these parts, each in [0, 1].

    Raises PartsMismatch where the parts are none, or not those that the model weighs.
    """
    if model.method == "bound":
        if not parts:
            raise PartsMismatch("parts: a confidence needs at least one")
        return model.bound * min(parts.values())
    if parts.keys() != model.weights.keys():
        odd = ", ".join(sorted(parts.keys() ^ model.weights.keys()))
        raise PartsMismatch(f"parts: {odd} either missing or unknown to the model; fit it again on outcomes with them")
    score = model.intercept + sum(weight * _logit(parts[name]) for name, weight in model.weights.items())
    platt = 1 / (1 + math.exp(-score)) if score >= 0 else math.exp(score) / (1 + math.exp(score))
    if model.method == "platt":
        return platt
    return PLATT_SHARE * platt + (1 - PLATT_SHARE) * _interpolated(model.knots, score)


def _logit(part: float) -> float:
    inside = min(max(part, LOGIT_LIMIT), 1 - LOGIT_LIMIT)
    return math.log(inside / (1 - inside))


def _interpolated(knots: tuple[tuple[float, float], ...], score: float) -> float:
    after = bisect_right(knots, score, key=lambda knot: knot[0])
    if after == 0 or after == len(knots):
        return knots[max(after - 1, 0)][1]
    (left, low), (right, high) = knots[after - 1], knots[after]
    return low + (high - low) * (score - left) / (right - left)
