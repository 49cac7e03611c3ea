"""How much less the fallback is to be trusted than the model, learned from how their decisions turned out."""

from math import sqrt
from statistics import NormalDist
from typing import Annotated

from pydantic import Field, model_validator

from voicehive.model import Model
from voicehive.reasoning.reasoner import FALLBACK_DROP

FEWEST_OUTCOMES = 30
"""Of each kind: with fewer the drop stays as it was stated."""


class Record(Model):
    """How many decisions there were, and how many of them turned out right."""

    decisions: Annotated[int, Field(ge=0)]
    right: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _consistent(self) -> "Record":
        if self.right > self.decisions:
            raise ValueError(f"right is {self.right}, more than the {self.decisions} decisions; count each once")
        return self


def calibrated_drop(model: Record, fallback: Record, level: float = 0.95) -> float:
    """An upper bound, at this level, on how much more often the model's decisions turn out right than the fallback's.

    One-sided, from Wilson's intervals of both shares (Newcombe 1998, "Interval estimation for the difference between
    independent proportions", method 10). Conservative in that it is a bound and never below 0; `FALLBACK_DROP` where
    either kind has fewer than thirty outcomes.
    """
    if min(model.decisions, fallback.decisions) < FEWEST_OUTCOMES:
        return FALLBACK_DROP
    quantile = NormalDist().inv_cdf(level)
    _, highest = _wilson(model, quantile)
    lowest, _ = _wilson(fallback, quantile)
    share, other = model.right / model.decisions, fallback.right / fallback.decisions
    bound = share - other + sqrt((highest - share) ** 2 + (other - lowest) ** 2)
    return min(max(bound, 0.0), 1.0)


def _wilson(record: Record, quantile: float) -> tuple[float, float]:
    """The interval of a share (Wilson 1927)."""
    count, share, square = record.decisions, record.right / record.decisions, quantile**2
    centre = (share + square / (2 * count)) / (1 + square / count)
    half = quantile / (1 + square / count) * sqrt(share * (1 - share) / count + square / (4 * count**2))
    return centre - half, centre + half
