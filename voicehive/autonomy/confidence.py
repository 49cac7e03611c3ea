"""How far a proposal may be trusted: parts that each say one thing, and their combination."""

import math
from collections.abc import Mapping

from voicehive.autonomy.context import DecisionContext
from voicehive.autonomy.trust.in_force import Trust
from voicehive.autonomy.verdict import Confidence


def assess_confidence(context: DecisionContext, trust: Trust | None = None) -> Confidence:
    """The probability of being right, where outcomes were measured for these parts; else the parts' geometric mean.

    So one bad part cannot be bought off by the others. The parts:

    - `preference`: the share of random weightings under which the proposal is better than today's settings (SMAA);
    - `reasoning`: what the reasoner said of itself;
    - `familiarity`: how close the proposal stays to today's settings, 1 / (1 + largest relative change).

    and where enough outcomes of this kind of decision are known:

    - `typicality`: the share of known situations that are at least as unusual as this one;
    - `track_record`: a lower limit of how often decisions of this kind were right.

    Whether outcomes have confirmed it, the result says.
    """
    parts = {
        "preference": context.preference,
        "reasoning": context.reasoner_confidence,
        "familiarity": 1 / (1 + context.largest_change),
    }
    if trust is None:
        return Confidence(value=_geometric_mean(parts), parts=parts)
    parts |= trust.known.parts(situation(context))
    measured = trust.measured
    if measured is None or not measured.fits(parts):
        return Confidence(value=_geometric_mean(parts), parts=parts)
    return Confidence(value=measured.confidence(parts), parts=parts, calibrated=measured.calibrated)


def situation(context: DecisionContext) -> dict[str, float]:
    """What makes a decision like another: how things stand, how they would, and how far it goes; in their units."""
    today = {f"current.{name}": value for name, value in context.current.items()}
    then = {f"proposed.{name}": value for name, value in context.proposed.items()}
    return {**today, **then, "largest_change": context.largest_change}


def _geometric_mean(parts: Mapping[str, float]) -> float:
    return math.prod(parts.values()) ** (1 / len(parts))
