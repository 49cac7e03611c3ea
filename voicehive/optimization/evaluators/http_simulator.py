"""An external simulator that is asked over HTTP, described; `http_evaluator` asks it."""

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, JsonValue

from voicehive.optimization.evaluators.description import EvaluatorDescription
from voicehive.optimization.evaluators.outcome_names import OutcomeNames
from voicehive.outside_service import FRAMING_HEADERS, HeaderName, ServiceUrl, leaving_out

VARIABLE_PREFIX = "VOICEHIVE_EVALUATOR_"
"""Environment variables that a problem may have sent: whoever runs the process chose them for that by their name."""

_Header: TypeAlias = Annotated[HeaderName, AfterValidator(leaving_out(FRAMING_HEADERS | {"content-type"}, "evaluator"))]
_Variable: TypeAlias = Annotated[str, Field(pattern=rf"^{VARIABLE_PREFIX}[A-Z0-9_]+$")]


class HttpSimulator(EvaluatorDescription):
    """A simulator behind an address, which evaluates `batch_size` candidates a request.

    It is sent `{"parameters": {"name": [N values]}, "outcomes": ["name"]}` by POST, with an `Idempotency-Key` that is
    the SHA-256 of the body, and answers status 200 with `{"outcomes": {"name": [N numbers]}}` and nothing else; `null`
    stands for a candidate that it could not evaluate.

    A request that fails in a way that may pass is repeated, up to `attempts` in all; each waits `timeout_seconds` for
    an answer to begin, and as long for its end. Secrets never stand in a problem: `headers_from_environment` gives, for
    a header, the name of the environment variable that holds its value; that name begins with `VOICEHIVE_EVALUATOR_`.
    """

    kind: Literal["http"]
    url: ServiceUrl
    outcomes: OutcomeNames
    batch_size: Annotated[int, Field(ge=1, le=100_000)] = 500
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    headers_from_environment: dict[_Header, _Variable] = {}

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """The outcomes that the simulator is asked for."""
        return self.outcomes

    def structure(self) -> JsonValue:
        """The address and the outcomes asked of it."""
        return {"kind": self.kind, "url": self.url, "outcomes": list(self.outcomes)}
