"""Payloads as JSON through pydantic, where JSON that does not fit its model is an answer rather than a hang.

Left alone, pydantic's error fails the workflow *task*, which the server hands out again for ever. Raised as the SDK's
payload validation failure it fails the workflow, at once and for good. An activity's input that does not fit is still
retried under the activity's policy, which the SDK decides: a worker of another version may understand it.
"""

from typing import Any, cast

from pydantic import ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    EncodingPayloadConverter,
    JSONPlainPayloadConverter,
    create_payload_validation_error,
)
from temporalio.exceptions import ApplicationError


def invalid_payload(problems: list[dict[str, str]]) -> ApplicationError:
    """The SDK's payload validation failure, with every problem in its message too, where people look first.

    Each problem has a `field` (a dotted path, empty for the whole) and a `problem` (what is wrong with it); the same
    list is the failure's one detail.
    """
    reserved = create_payload_validation_error(problems)
    lines = [f"{each['field']}: {each['problem']}" if each["field"] else each["problem"] for each in problems]
    return ApplicationError(
        f"{reserved.message}: {'; '.join(lines)}",
        *cast("tuple[Any, ...]", reserved.details),
        type=reserved.type,
        non_retryable=True,
    )


class ValidatingJSONConverter(PydanticJSONPlainPayloadConverter):
    """Pydantic's JSON, whose refusals name each field by its path."""

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """Build `type_hint` from the payload; raises a non-retryable `ApplicationError` where the JSON does not fit.

        The input itself stays out of the message: a payload may hold secrets.
        """
        try:
            return super().from_payload(payload, type_hint)
        except ValidationError as error:
            raise invalid_payload(
                [
                    {"field": ".".join(str(part) for part in problem["loc"]), "problem": problem["msg"]}
                    for problem in error.errors(include_url=False, include_context=False, include_input=False)
                ]
            ) from None


class ValidatingPayloadConverter(CompositePayloadConverter):
    """The SDK's default encodings with `ValidatingJSONConverter` for JSON."""

    def __init__(self) -> None:
        converters: list[EncodingPayloadConverter] = [
            ValidatingJSONConverter() if isinstance(converter, JSONPlainPayloadConverter) else converter
            for converter in DefaultPayloadConverter.default_encoding_payload_converters
        ]
        super().__init__(*converters)


data_converter = DataConverter(payload_converter_class=ValidatingPayloadConverter)
"""What every client, worker and replayer of this program speaks."""
