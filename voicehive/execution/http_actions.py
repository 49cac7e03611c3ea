"""Actions that speak HTTP to a system outside."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar

from pydantic import Field, JsonValue, model_validator

from voicehive.execution.action import Action, ActionContext, NoArguments
from voicehive.execution.errors import ActionRefused
from voicehive.execution.once import NEVER_HAPPENED, ledger_key
from voicehive.execution.outbound_http import HttpCall, HttpMessage, NothingSent, UnexpectedStatus, Url, send
from voicehive.model import Model
from voicehive.storage.ledger import ActionLedger, JsonObject

_GONE = frozenset({404, 410})

ChangingMethod: TypeAlias = Literal["POST", "PUT", "PATCH", "DELETE"]
ArgumentsT = TypeVar("ArgumentsT", bound=Model)
CompensationT = TypeVar("CompensationT", bound=Model)


class _SendOnce(Action[ArgumentsT, CompensationT], Generic[ArgumentsT, CompensationT]):
    """Sending a request, recording its answer, and sending another that undoes it."""

    async def _send(self, call: HttpCall, arguments: Model, context: ActionContext) -> JsonObject:
        async def request() -> JsonObject:
            answer = await send(
                self.resources.http, call, allowed_hosts=context.allowed_hosts, idempotency_key=context.key
            )
            return answer.model_dump(mode="json")

        # A little longer than the request's own limit, so that its own error is the one reported.
        within = timedelta(seconds=call.message.timeout_seconds + 1)
        with ledger_key(self.name, arguments, context) as key:
            return await ActionLedger(self.resources.database).apply_outside(
                key, request, within=within, changed_nothing=_changed_nothing
            )

    async def _undo(self, call: HttpCall | None, arguments: Model, context: ActionContext) -> JsonObject:
        async def request(_: JsonObject | None) -> JsonObject:
            if call is None:
                return {"sent": False}
            try:
                answer = await send(
                    self.resources.http,
                    call,
                    allowed_hosts=context.allowed_hosts,
                    idempotency_key=f"{context.key}:compensation",
                )
            except UnexpectedStatus as error:
                if error.status in _GONE:
                    return {"status": error.status} | NEVER_HAPPENED
                raise
            return answer.model_dump(mode="json")

        with ledger_key(self.name, arguments, context) as key:
            return await ActionLedger(self.resources.database).undo_outside(key, request) or NEVER_HAPPENED


class RequestHttpArguments(HttpMessage):
    """A request that changes something; to look only, there is `http.check`."""

    method: ChangingMethod
    url: Url


class RequestHttpCompensation(HttpMessage):
    """Either the request that undoes, with its `method` and `url`, or `none`: why nothing must be undone."""

    method: ChangingMethod | None = None
    url: Url | None = None
    none: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "RequestHttpCompensation":
        given = self.model_fields_set
        if given != {"none"} and not ({"method", "url"} <= given and "none" not in given):
            raise ValueError(
                'give either "method" and "url" of the request that undoes this step, or only "none": why there is none'
            )
        return self

    def call(self) -> HttpCall | None:
        """The request that undoes, if there is one."""
        return HttpCall(self.method, self.url, self) if self.method and self.url else None


class RequestHttp(_SendOnce[RequestHttpArguments, RequestHttpCompensation]):
    """Send a request with the step's key as `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).

    Once an answer is recorded, no further attempt sends. The compensation is another request, with the key
    `<key>:compensation`; it is sent also where nobody knows whether the first one arrived, and an answer 404 or 410
    then means that it never did. It is not sent where the first certainly changed nothing (refused, or never sent).
    """

    name = "http.request"
    arguments = RequestHttpArguments
    compensation = RequestHttpCompensation

    async def run(self, arguments: RequestHttpArguments, context: ActionContext) -> Mapping[str, Any]:
        """Returns status, body (at most 4 KiB) and truncated.

        Raises:
            ActionRefused: the host is not allowed, or the answer says that repeating is useless.
            ActionFailed: no connection, no answer in time, or an answer that says to try later.
        """
        return await self._send(_call(arguments), arguments, context)

    async def compensate(
        self,
        arguments: RequestHttpArguments,
        compensation: RequestHttpCompensation,
        result: Mapping[str, Any] | None,
        context: ActionContext,
    ) -> Mapping[str, Any]:
        """Returns the compensation's own status, body and truncated. Raises as `run` does."""
        return await self._undo(compensation.call(), arguments, context)


class CheckHttpArguments(HttpMessage):
    """A request that only looks."""

    method: Literal["GET", "HEAD"] = "GET"
    url: Url


class CheckHttp(Action[CheckHttpArguments, NoArguments]):
    """Check that a URL answers as expected."""

    name = "http.check"
    arguments = CheckHttpArguments
    compensation = None

    async def run(self, arguments: CheckHttpArguments, context: ActionContext) -> Mapping[str, Any]:
        """Returns status, body (at most 4 KiB) and truncated.

        Raises:
            ActionRefused: the host is not allowed, or another status came back.
            ActionFailed: no connection, no answer in time, or an answer that says to try later.
        """
        answer = await send(self.resources.http, _call(arguments), allowed_hosts=context.allowed_hosts)
        return answer.model_dump(mode="json")


class NotifyWebhookArguments(Model):
    """A message, and further fields of the JSON object that carries it."""

    url: Url
    message: Annotated[str, Field(min_length=1)]
    fields: dict[str, JsonValue] = {}


class NotifyWebhookCompensation(Model):
    """The message that follows when the plan is undone; none where it is left out."""

    message: Annotated[str, Field(min_length=1)] | None = None


class NotifyWebhook(_SendOnce[NotifyWebhookArguments, NotifyWebhookCompensation]):
    """Post a JSON object with the message to a URL, under the rules of `http.request`."""

    name = "notify.webhook"
    arguments = NotifyWebhookArguments
    compensation = NotifyWebhookCompensation

    async def run(self, arguments: NotifyWebhookArguments, context: ActionContext) -> Mapping[str, Any]:
        """Returns status, body (at most 4 KiB) and truncated. Raises as `http.request` does."""
        return await self._send(_post(arguments, arguments.message), arguments, context)

    async def compensate(
        self,
        arguments: NotifyWebhookArguments,
        compensation: NotifyWebhookCompensation,
        result: Mapping[str, Any] | None,
        context: ActionContext,
    ) -> Mapping[str, Any]:
        """Returns the follow-up's own status, body and truncated. Raises as `http.request` does."""
        follow_up = _post(arguments, compensation.message) if compensation.message else None
        return await self._undo(follow_up, arguments, context)


def _post(arguments: NotifyWebhookArguments, message: str) -> HttpCall:
    return HttpCall("POST", arguments.url, HttpMessage(json={**arguments.fields, "message": message}))


def _call(arguments: RequestHttpArguments | CheckHttpArguments) -> HttpCall:
    return HttpCall(arguments.method, arguments.url, arguments)


def _changed_nothing(error: Exception) -> bool:
    """Whether a failure proves that the request had no effect: RFC 9110 15.5 for answers 400 to 499."""
    if isinstance(error, UnexpectedStatus):
        return 400 <= error.status < 500
    return isinstance(error, ActionRefused | NothingSent)
