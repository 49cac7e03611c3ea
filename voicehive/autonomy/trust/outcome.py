"""What became of one decision, and which outcomes may choose a threshold and which may test it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, Field

from voicehive.autonomy.trust.errors import OutcomesUnusable
from voicehive.model import Identifier, Model

Share: TypeAlias = Annotated[float, Field(ge=0.0, le=1.0)]
Floats: TypeAlias = NDArray[np.float64]


class Outcome(Model):
    """One decision whose outcome is known.

    `parts`: what its confidence was made of, each in [0, 1], more is surer. `confidence`: what was said at the time.
    `loss`: 0 (right) to 1 (as wrong as can be); a cost is divided by the greatest one possible. `at`: when known.
    """

    decision_id: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Identifier
    parts: Annotated[dict[Identifier, Share], Field(min_length=1)]
    confidence: Share
    loss: Share
    at: AwareDatetime


class AssessedCase(Model):
    """A decision as it was assessed; `alone`: it was to run without people. `situation`: what it is compared by."""

    decision_id: str
    kind: Identifier
    parts: dict[Identifier, Share]
    confidence: Share
    situation: dict[str, float]
    alone: bool
    assessed_at: AwareDatetime


def is_training(decision_id: str, share: float = 0.5) -> bool:
    """Whether an outcome may be learned from; the others are kept for the test. `share`: how many, in (0, 1).

    By SHA-256 of the identifier, so that an outcome keeps its side for ever, whatever arrives later and whatever it
    says: the sample that certifies is then independent of the one that chose what to certify.
    """
    digest = hashlib.sha256(decision_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def comparable(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those with the parts that the newest has, oldest first: what decisions to come will have too."""
    if not outcomes:
        return []
    names = outcomes[-1].parts.keys()
    return [outcome for outcome in outcomes if outcome.parts.keys() == names]


def part_names(outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """The names that all outcomes share, sorted; none without outcomes. Raises OutcomesUnusable where they differ."""
    sets = {tuple(sorted(outcome.parts)) for outcome in outcomes}
    if len(sets) > 1:
        listed = " and ".join(", ".join(names) for names in sorted(sets)[:2])
        raise OutcomesUnusable(f"parts: outcomes have different ones ({listed}); fit each set of parts by itself")
    return sets.pop() if sets else ()


def part_matrix(parts: Iterable[Mapping[str, float]], names: tuple[str, ...]) -> Floats:
    """Parts (N, len(names)) in the order of `names`."""
    rows = [[row[name] for name in names] for row in parts]
    return np.asarray(rows, dtype=np.float64).reshape(len(rows), len(names))


def losses_of(outcomes: Iterable[Outcome]) -> Floats:
    """Losses (N,)."""
    return np.asarray([outcome.loss for outcome in outcomes], dtype=np.float64)
