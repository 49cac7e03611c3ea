"""One request to a language model: what it depends on, what it may cost at most, and the record of how it went."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from math import ceil
from typing import Any, Generic, cast

from voicehive.model import Model
from voicehive.reasoning.language_model import Answer, LanguageModel
from voicehive.reasoning.models import ModelCall, Purpose

_MOST_TOKENS = 10_000_000
"""What one response may report; more is taken for this, so that no server can overflow a count."""

_NOTHING_SENT = frozenset({"ConnectError", "ConnectTimeout"})


@dataclass(frozen=True)
class ModelRequest(Generic[Answer]):
    """What is asked, of whom, and the form of the answer."""

    model: LanguageModel
    purpose: Purpose
    instructions: str
    content: str
    form: type[Answer]

    @cached_property
    def _document(self) -> bytes:
        """All that the answer depends on, as canonical JSON."""
        document = {
            "url": self.model.base_url or os.environ.get("OPENAI_BASE_URL", ""),
            "model": self.model.name,
            "instructions": self.instructions,
            "input": self.content,
            "schema": _schema(self.form),
            "max_output_tokens": self.model.maximum_output_tokens,
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that the answer depends on."""
        return sha256(self._document).hexdigest()

    @property
    def most_tokens(self) -> int:
        """An upper bound: a token of byte-level BPE (Radford et al. 2019) is at least a byte."""
        return len(self._document) + self.model.maximum_output_tokens

    @property
    def most_cost_micros(self) -> int:
        """What that many tokens cost."""
        return self._cost(len(self._document), self.model.maximum_output_tokens)

    def record(self, body: bytes | None, error: BaseException | None, cause: str, seconds: float) -> ModelCall:
        """How the request went.

        It cost what the response reports. A status that is an error costs nothing, nor does a connection that never
        came about; where the request went out and nothing tells what it cost, it cost all that was set aside.
        """
        given, taken = self._usage(body, error)
        return ModelCall(
            purpose=self.purpose,
            model=self.model.name,
            prompt_digest=self.digest,
            answer_digest=None if body is None else sha256(body).hexdigest(),
            input_tokens=given,
            output_tokens=taken,
            cost_micros=self._cost(given, taken),
            seconds=seconds,
            cause=cause,
        )

    def from_cache(self, text: str) -> ModelCall:
        """The record of an answer for which nothing was sent; its digest is that of the text kept."""
        digest = sha256(text.encode()).hexdigest()
        return ModelCall(
            purpose=self.purpose,
            model=self.model.name,
            prompt_digest=self.digest,
            answer_digest=digest,
            cached=True,
        )

    def _usage(self, body: bytes | None, error: BaseException | None) -> tuple[int, int]:
        if body is None and _certainly_free(error):
            return 0, 0
        reported = _reported(body)
        return reported or (len(self._document), self.model.maximum_output_tokens)

    def _cost(self, given: int, taken: int) -> int:
        # A price for a million tokens is a price in millionths for one.
        return ceil(given * self.model.input_price + taken * self.model.output_price)


@cache
def _schema(form: type[Model]) -> dict[str, Any]:
    return form.model_json_schema()


def _certainly_free(error: BaseException | None) -> bool:
    answered = getattr(error, "status_code", None) is not None
    return answered or type(getattr(error, "__cause__", None)).__name__ in _NOTHING_SENT


def _reported(body: bytes | None) -> tuple[int, int] | None:
    """Input and output tokens of a response (OpenAI API reference, the response object's `usage`)."""
    try:
        document: Any = json.loads(body or b"")
    except ValueError:
        return None
    usage: Any = cast(Mapping[str, Any], document).get("usage") if isinstance(document, dict) else None
    if not isinstance(usage, dict):
        return None
    counts = [cast(Mapping[str, Any], usage).get(name) for name in ("input_tokens", "output_tokens")]
    if not all(type(count) is int and count >= 0 for count in counts):
        return None
    given, taken = (min(int(count or 0), _MOST_TOKENS) for count in counts)
    return given, taken
