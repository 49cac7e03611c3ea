"""How a description names the outcomes that something outside this engine computes."""

from collections import Counter
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field


def _without_repeats(names: tuple[str, ...]) -> tuple[str, ...]:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"outcome {repeated[0]!r} is named twice; name each once")
    return names


OutcomeNames: TypeAlias = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1), AfterValidator(_without_repeats)
]
"""The names of outcomes, in their order: at least one, none twice."""
