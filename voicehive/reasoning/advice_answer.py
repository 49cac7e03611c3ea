"""The form in which a language model is asked for advice, and the check of what it filled in.

The form differs from `Advice` because strict structured outputs know no maps with free keys and no bounded texts. Its
limits stand in the schema only, where they guide the model: a number beyond them costs the part it belongs to, not the
whole answer.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, TypeVar

from pydantic import Field, FiniteFloat

from voicehive.model import Model
from voicehive.optimization.advising.advice import (
    LARGEST_FACTOR,
    LARGEST_SCALED,
    LONGEST_EXPLANATION,
    MOST_PROPOSALS,
    Advice,
    FrontDigest,
    ParameterDigest,
    Place,
    Proposed,
)
from voicehive.reasoning.errors import AnswerUnusable
from voicehive.reasoning.outside_text import plain

_Value = TypeVar("_Value")


def _between(low: float, high: float, description: str) -> object:
    return Field(description=description, json_schema_extra={"minimum": low, "maximum": high})


class PreferenceAnswer(Model):
    """A factor on one objective's weight."""

    objective: str
    factor: Annotated[FiniteFloat, _between(1 / LARGEST_FACTOR, LARGEST_FACTOR, "above 1: it should count for more")]


class ChangeAnswer(Model):
    """One parameter's new place."""

    parameter: str
    value: Annotated[FiniteFloat | str, Field(description="0 to 1 for numbers; a category's code otherwise")]


class EffectAnswer(Model):
    """The predicted change of one objective's scaled value."""

    objective: str
    change: Annotated[FiniteFloat, _between(-LARGEST_SCALED, LARGEST_SCALED, "below 0 is an improvement")]


class ProposalAnswer(Model):
    """Changes to the recommended solution."""

    changes: tuple[ChangeAnswer, ...]
    effects: tuple[EffectAnswer, ...]
    explanation: str


class AdviceAnswer(Model):
    """Advice on the front."""

    preferences: tuple[PreferenceAnswer, ...]
    proposals: tuple[ProposalAnswer, ...]


def checked(answer: AdviceAnswer, digest: FrontDigest, source: str) -> Advice:
    """Keep what the answer may say about this digest, and note in the source how many parts were left out.

    A proposal with an unknown code, a parameter twice or a value out of its range is left out whole: its predicted
    effects are those of all its changes, so the rest of it would be another proposal. A preference or an effect that is
    unknown, doubled or out of range is left out alone. So are proposals that change nothing, and those beyond eight.

    Raises:
        AnswerUnusable: nothing is left.
    """
    parameters = {parameter.code: parameter for parameter in digest.parameters}
    objectives = {objective.code for objective in digest.objectives}
    recommended = digest.solutions[0].parameters
    proposals = [_proposed(proposal, parameters, objectives, recommended) for proposal in answer.proposals]
    usable = tuple(proposal for proposal in proposals if proposal)[:MOST_PROPOSALS]
    preferences = _once(
        (item.objective, item.factor)
        for item in answer.preferences
        if item.objective in objectives and 1 / LARGEST_FACTOR <= item.factor <= LARGEST_FACTOR
    )
    if not usable and not preferences:
        raise AnswerUnusable("named nothing that the digest has, within its bounds")
    omitted = len(proposals) - len(usable) + len(answer.preferences) - len(preferences)
    return Advice(
        preferences=preferences,
        proposals=usable,
        source=f"{source}; {omitted} unusable parts left out" if omitted else source,
    )


def _proposed(
    answer: ProposalAnswer,
    parameters: Mapping[str, ParameterDigest],
    objectives: set[str],
    recommended: Mapping[str, Place],
) -> Proposed | None:
    changes = _once((change.parameter, change.value) for change in answer.changes)
    fits = (name in parameters and _fits(parameters[name], value) for name, value in changes.items())
    if len(changes) < len(answer.changes) or not all(fits):
        return None
    moved = {name: value for name, value in changes.items() if value != recommended[name]}
    if not moved:
        return None
    effects = _once(
        (effect.objective, effect.change)
        for effect in answer.effects
        if effect.objective in objectives and abs(effect.change) <= LARGEST_SCALED
    )
    return Proposed(changes=moved, effects=effects, explanation=plain(answer.explanation, LONGEST_EXPLANATION))


def _fits(parameter: ParameterDigest, value: Place) -> bool:
    if isinstance(value, str):
        return value in parameter.categories
    return not parameter.categories and 0.0 <= value <= 1.0


def _once(pairs: Iterable[tuple[str, _Value]]) -> dict[str, _Value]:
    """The pairs whose key stands in no other one: of two that contradict each other neither is meant."""
    listed = list(pairs)
    keys = [key for key, _ in listed]
    return {key: value for key, value in listed if keys.count(key) == 1}
