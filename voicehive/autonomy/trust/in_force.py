"""What recorded outcomes allow at the moment of a verdict. Light, because it is read before every decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from pydantic import Field

from voicehive.autonomy.trust.confidence_model import ConfidenceModel, probability
from voicehive.autonomy.trust.novelty import typicality
from voicehive.autonomy.trust.outcome import Share
from voicehive.autonomy.trust.p_values import faultless_needed
from voicehive.autonomy.trust.promise import RiskPromise
from voicehive.autonomy.trust.track_record import track_record
from voicehive.model import Model

FEWEST_KNOWN = 20
"""Outcomes of a kind from which on its history is a part of confidence."""


class ThresholdInForce(Model):
    """How sure a decision must be to run alone; `threshold` None: none may, for the `reason`.

    `more_faultless`: how many more accepted test outcomes without a fault would certify one; about half of all outcomes
    recorded are kept for that test.
    """

    threshold: Share | None = None
    reason: str
    more_faultless: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class KnownCases:
    """Decisions of one kind whose outcome is known: sums of (1 - loss) and loss, and their situations, oldest first."""

    right: float = 0.0
    wrong: float = 0.0
    situations: tuple[Mapping[str, float], ...] = ()

    def parts(self, situation: Mapping[str, float]) -> dict[str, float]:
        """The parts of confidence that take a history, each in [0, 1]; none while it is too short to say anything."""
        if self.right + self.wrong < FEWEST_KNOWN:
            return {}
        names = sorted(situation)
        alike = [[one[name] for name in names] for one in self.situations if one.keys() >= situation.keys()]
        history = np.asarray(alike, dtype=np.float64).reshape(len(alike), len(names))
        here = np.asarray([situation[name] for name in names], dtype=np.float64)
        # Squares of outcomes of any size must stay finite.
        usual = typicality(np.arcsinh(here), np.arcsinh(history))
        return {"typicality": usual, "track_record": track_record(self.right, self.wrong)}


@dataclass(frozen=True)
class MeasuredTrust:
    """What a measurement came to: for which promise, on outcomes with which parts, and what it allows."""

    promise: RiskPromise
    parts: frozenset[str]
    model: ConfidenceModel
    calibrated: bool
    in_force: ThresholdInForce

    def fits(self, parts: Mapping[str, float]) -> bool:
        """Whether the model was fitted on these parts."""
        return frozenset(parts) == self.parts

    def confidence(self, parts: Mapping[str, float]) -> float:
        """The probability of being right, in [0, 1], of a decision whose parts fit."""
        return probability(self.model, parts)


@dataclass(frozen=True)
class Trust:
    """The history of one kind of decision, and its last measurement, if there was one."""

    known: KnownCases = field(default_factory=KnownCases)
    measured: MeasuredTrust | None = None


def threshold_in_force(promise: RiskPromise, trust: Trust | None, parts: Mapping[str, float]) -> ThresholdInForce:
    """The certified threshold for a decision with these parts, or none and why.

    A certificate holds for its own promise and its own parts only.
    """
    measured = trust.measured if trust else None
    if measured is None:
        return _none("no outcomes of this kind of decision have been measured", promise)
    if measured.promise != promise:
        told = f"at most {measured.promise.alpha:g} with certainty {1 - measured.promise.delta:g}"
        return _none(f"trust was measured for another promise ({told}); run `voicehive trust measure`", promise)
    if measured.in_force.threshold is not None and not measured.fits(parts):
        odd = ", ".join(sorted(parts.keys() ^ measured.parts))
        return _none(f"confidence has other parts than when trust was measured ({odd})", promise)
    return measured.in_force


def _none(reason: str, promise: RiskPromise) -> ThresholdInForce:
    needed = faultless_needed(0, 0, promise.alpha, promise.delta)
    told = f"{reason}; it takes at least {needed} faultless outcomes in the test"
    return ThresholdInForce(reason=told, more_faultless=needed)
