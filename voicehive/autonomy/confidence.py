"""How far a proposal may be trusted: parts that each say one thing, and their combination."""

import math

from voicehive.autonomy.context import DecisionContext
from voicehive.autonomy.verdict import Confidence


def assess_confidence(context: DecisionContext) -> Confidence:
    """The geometric mean of the parts, so that one bad part cannot be bought off by the others.

    - `preference`: the share of random weightings under which the proposal is better than today's settings (SMAA);
    - `reasoning`: what the reasoner said of itself;
    - `familiarity`: how close the proposal stays to today's settings, 1 / (1 + largest relative change).

    Nothing is calibrated on outcomes yet, and the result says so.
    """
    parts = {
        "preference": context.preference,
        "reasoning": context.reasoner_confidence,
        "familiarity": 1 / (1 + context.largest_change),
    }
    return Confidence(value=math.prod(parts.values()) ** (1 / len(parts)), parts=parts)
