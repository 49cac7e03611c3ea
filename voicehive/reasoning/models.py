"""What a reasoner is asked, what it answers, and the record of each call to a language model."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, FiniteFloat

from voicehive.model import Identifier, Model
from voicehive.optimization.models import Objective, Solution

Digest: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256, in hexadecimal digits."""

Purpose: TypeAlias = Literal["advise", "choose", "review"]
Share: TypeAlias = Annotated[FiniteFloat, Field(ge=0, le=1)]


class Remark(Model):
    """A text from outside about the decision, and where it came from, such as `note`: data, whatever it says."""

    source: Identifier
    text: Annotated[str, Field(max_length=2_000)]


class Question(Model):
    """A choice among feasible candidates; the reasoner may only pick one of them.

    `recommended` is the index of the candidate the optimiser would take, and `reasons` why. `remarks` can add doubt,
    never confidence, and have no part in the choice. `tenant` is whose budget pays.
    """

    kind: str
    objectives: tuple[Objective, ...]
    current: Solution
    candidates: Annotated[tuple[Solution, ...], Field(min_length=1)]
    recommended: int
    reasons: tuple[str, ...] = ()
    tenant: str = "default"
    remarks: Annotated[tuple[Remark, ...], Field(max_length=4)] = ()


class ModelCall(Model):
    """One request to a language model, for the audit log: what was sent and came back by its digest, never its text.

    `prompt_digest` is the SHA-256 of the request's canonical JSON (model, instructions, input, schema), `answer_digest`
    that of the body of the response, byte for byte; None where none arrived. Tokens are those the service reported; of
    an answer that never came, those that were reserved. `cost_micros` is in millionths of the currency of the model's
    prices. `cause` is empty for an answer that was used, else why it was not. `cached` is an answer taken from the
    cache: nothing was sent for it.
    """

    purpose: Purpose
    model: str
    prompt_digest: Digest
    answer_digest: Digest | None = None
    input_tokens: Annotated[int, Field(ge=0)] = 0
    output_tokens: Annotated[int, Field(ge=0)] = 0
    cost_micros: Annotated[int, Field(ge=0)] = 0
    seconds: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    cached: bool = False
    cause: str = ""


class Judgement(Model):
    """The reasoner's pick, why, how sure it is of itself, and who it was.

    `parts` are what `confidence` is the product of. `cause` says why it is the fallback's where a model should have
    been asked; `concerns` what the model found in the remarks; `calls` each request to a model on the way.
    """

    choice: int
    explanation: str
    confidence: Annotated[float, Field(ge=0, le=1)]
    source: str
    cause: str = ""
    parts: dict[str, Share] = {}
    concerns: tuple[str, ...] = ()
    calls: tuple[ModelCall, ...] = ()
