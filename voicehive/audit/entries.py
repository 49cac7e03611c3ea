"""Entries: what is asked to be recorded, and what stands in the log, each as one line of canonical JSON."""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from json.encoder import encode_basestring_ascii
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, JsonValue, ValidationError

from voicehive.audit.errors import FileInvalid
from voicehive.model import Identifier, Model


class Kind(StrEnum):
    """What an entry records."""

    STAGE = "stage"
    VERDICT = "verdict"
    RULE = "rule"
    REVIEW = "review"
    AUTHORIZATION = "authorization"
    STEP = "step"
    COMPENSATION = "compensation"
    MODEL_CALL = "model_call"
    POLICY = "policy"
    OUTCOME = "outcome"
    TRUST = "trust"
    KILL_SWITCH = "kill_switch"
    ERASURE = "erasure"


class Personal(Model):
    """A value about a person; `subject` is whoever may one day ask for it to be erased, named as the caller likes."""

    subject: str = Field(min_length=1, max_length=1_000)
    value: JsonValue


class Draft(Model):
    """What to record. `body` must hold nothing personal, because nothing in it can ever be erased.

    `key` makes it recorded once, however often it is given: activities and requests are tried again.
    """

    kind: Kind
    body: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    personal: dict[Identifier, Personal] = Field(default_factory=dict[str, Personal])
    decision_id: str | None = None
    run_id: str | None = None
    key: str | None = Field(default=None, min_length=1, max_length=1_000)


Hexadecimal = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{2})*$")]


class Sealed(Model):
    """A personal value that only its subject's key opens (`voicehive.audit.sealing`).

    `subject_key` is the key's random id and says nothing about the person; `commitment` lets a value that is disclosed
    be checked without the key.
    """

    subject_key: Identifier
    nonce: Hexadecimal
    ciphertext: Hexadecimal
    commitment: Hexadecimal


class Entry(Model):
    """An entry of a tenant's log; `index` counts from 0, `time` is when it was recorded.

    `kind` is open here, so that logs of later versions can be read.
    """

    version: Literal[1]
    tenant: str
    index: int = Field(ge=0)
    time: AwareDatetime
    kind: Identifier
    decision_id: str | None
    run_id: str | None
    body: dict[str, JsonValue]
    personal: dict[Identifier, Sealed]

    @classmethod
    def parse(cls, leaf: str) -> "Entry":
        """Read a leaf.

        Raises:
            FileInvalid: a field does not fit; the message names it.
        """
        try:
            return cls.model_validate_json(leaf)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
            path = ".".join(map(str, problem["loc"])) or "the entry"
            raise FileInvalid(f"{path}: {problem['msg']}") from None


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False)


def canonical_json(content: Any) -> str:
    """JSON in ASCII with sorted keys and no white space: one form for each content, as `Model.content_digest` has it.

    Raises:
        ValueError: a number is not finite.
    """
    return _ENCODER.encode(content)


def render_leaves(
    tenant: str, first: int, time: datetime, drafts: Sequence[Draft], sealed: Mapping[int, Mapping[str, Sealed]]
) -> list[str]:
    """The leaves of drafts that get the numbers from `first` on, each as the canonical JSON of its `Entry`.

    They are put together from parts, because to build and encode each whole takes four times as long.

    Raises:
        ValueError: a number is not finite.
    """
    if not drafts:
        return []
    encode, quote = _ENCODER.encode, encode_basestring_ascii
    stamp = time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    tail = f',"tenant":{encode(tenant)},"time":{encode(stamp)},"version":1}}'
    leaves: list[str] = []
    bodies = _encode_each([draft.body for draft in drafts])
    for index, (draft, body) in enumerate(zip(drafts, bodies, strict=True), start=first):
        personal = encode({name: one.model_dump() for name, one in sealed[index].items()}) if index in sealed else "{}"
        decision = "null" if draft.decision_id is None else quote(draft.decision_id)
        run = "null" if draft.run_id is None else quote(draft.run_id)
        leaves.append(
            f'{{"body":{body},"decision_id":{decision},"index":{index},"kind":"{draft.kind}",'
            f'"personal":{personal},"run_id":{run}{tail}'
        )
    return leaves


def _encode_each(contents: Iterable[JsonValue]) -> list[str]:
    """The canonical JSON of each, by one call of the encoder, whose start costs as much as a small document."""
    # A string of 128 random bits, chosen after the contents, stands behind each; it cannot stand in one but by chance.
    mark = secrets.token_hex(16)
    marked = [part for content in contents for part in (content, mark)]
    return _ENCODER.encode(marked).removeprefix("[").removesuffix(f',"{mark}"]').split(f',"{mark}",')
