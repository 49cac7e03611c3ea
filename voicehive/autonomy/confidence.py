"""How far a proposal may be trusted: parts that each say one thing, and their combination."""

from voicehive.autonomy.context import DecisionContext
from voicehive.autonomy.trust.in_force import Trust
from voicehive.autonomy.verdict import Confidence


def assess_confidence(context: DecisionContext, trust: Trust | None = None) -> Confidence:
    """The probability of being right, where outcomes were measured for these parts; else the least of the parts.

    Each part is a probability that one thing is as it should be, and all of them should be at once. How they depend on
    each other nobody knows before outcomes are measured; that all hold is never likelier than the least likely one
    (Frechet 1935), so no part's doubt is bought off by the others, as it is in any mean. The least is reached where
    doubts coincide, and it is the only t-norm that does not fall when a part is added that merely agrees (Klement,
    Mesiar and Pap, Triangular Norms, 2000, section 1.1): a threshold keeps its meaning whatever parts are known.
    The parts:

    - `preference`: the share of random weightings under which the proposal is better than today's settings (SMAA);
    - `reasoning`: what the reasoner said of itself, the product of parts that are shown beside it;
    - `familiarity`: how close the proposal stays to today's settings, 1 / (1 + largest relative change);
    - `certainty`: where outcomes are predicted from history, how little the prediction leaves open.

    and where enough outcomes of this kind of decision are known:

    - `typicality`: the share of known situations that are at least as unusual as this one;
    - `track_record`: a lower limit of how often decisions of this kind were right.

    A part that nobody measured is left out, as is familiarity where no setting changes; without any, nothing speaks
    for the proposal, and the confidence is 0. Whether outcomes have confirmed it, the result says.
    """
    known = {
        "preference": context.preference,
        "reasoning": context.reasoner_confidence,
        "familiarity": 1 / (1 + context.largest_change) if context.changes else None,
        "certainty": context.certainty,
    }
    parts = {name: part for name, part in known.items() if part is not None}
    if trust is None or not parts:
        return Confidence(value=min(parts.values(), default=0.0), parts=parts, reasoning=context.reasoning)
    parts |= trust.known.parts(situation(context))
    measured = trust.measured
    if measured is None or not measured.fits(parts):
        return Confidence(value=min(parts.values()), parts=parts, reasoning=context.reasoning)
    return Confidence(
        value=measured.confidence(parts), parts=parts, calibrated=measured.calibrated, reasoning=context.reasoning
    )


def situation(context: DecisionContext) -> dict[str, float]:
    """What makes a decision like another: how things stand, how they would, and how far it goes; in their units."""
    today = {f"current.{name}": value for name, value in context.current.items()}
    then = {f"proposed.{name}": value for name, value in context.proposed.items()}
    return {**today, **then, "largest_change": context.largest_change}
