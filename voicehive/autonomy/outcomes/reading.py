"""Reads metrics from their sources, at most a few attempts each, and from hosts that the tenant allows."""

import json
import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

import httpx
import stamina
from pydantic import ValidationError

from voicehive.autonomy.outcomes import prometheus_answer
from voicehive.autonomy.outcomes.errors import AnswerUnusable, HistoryUnavailable, SourceRefused, SourceUnavailable
from voicehive.autonomy.outcomes.json_pointer import resolve_pointer
from voicehive.autonomy.outcomes.points import MetricPoint, finite
from voicehive.autonomy.outcomes.sources import HttpSource, MetricSource, PrometheusSource, StoreSource, variable_prefix
from voicehive.autonomy.outcomes.watch import OutcomeWatch, WatchedMetric
from voicehive.execution.errors import ActionFailed, ActionRefused
from voicehive.execution.outbound_http import MAXIMUM_BODY_BYTES, HttpCall, HttpMessage, send

History: TypeAlias = list[tuple[datetime, float | None]]

_LONGEST_PAUSE_SECONDS = 5.0
# An answer is read up to 4 KiB: labels, and at most 50 bytes a sample (17 significant digits, a time, punctuation).
_SAMPLES_A_REQUEST = (MAXIMUM_BODY_BYTES - 1024) // 50


class SeriesStore(Protocol):
    """Series of one tenant's own readings."""

    async def read_series(self, series: str, start: datetime, end: datetime) -> History:
        """The readings from `start` to `end`, both included, oldest first."""
        ...


class MetricReader:
    """Reads sources, through a client of `voicehive.execution.outbound_http.create_client`.

    Args:
        client: sends the requests; whoever made it closes it.
        allowed_hosts: the hosts that the tenant's policy allows.
        store: where `store` sources are read; None: they are refused.
        tenant: whose watches are read; only variables that are the tenant's are sent.
        environment: where the values of `headers_from_environment` are looked up.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        allowed_hosts: Iterable[str],
        store: SeriesStore | None = None,
        *,
        tenant: str = "default",
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._client = client
        self._allowed_hosts = tuple(allowed_hosts)
        self._store = store
        self._variables = variable_prefix(tenant)
        self._environment = environment

    async def read_point(self, watch: OutcomeWatch, metric: WatchedMetric, at: datetime) -> MetricPoint:
        """One reading of a metric, and of its control.

        Raises:
            SourceUnavailable: after every attempt there was no answer.
            SourceRefused: a source may not be asked, or refuses.
            AnswerUnusable: an answer is not in the agreed form.
        """
        value = await self.read_value(metric.source, at, watch.interval)
        control = None if metric.control is None else await self.read_value(metric.control, at, watch.interval)
        return MetricPoint.of(metric.name, at, value, control)

    async def read_value(self, source: MetricSource, at: datetime, within: timedelta) -> float | None:
        """A source's value at a moment, None where it has none; a store's is its latest of the time `within` before.

        Raises: as `read_point`.
        """
        if isinstance(source, HttpSource):
            return _value_at(await self._get(source, source.url), source)
        if isinstance(source, PrometheusSource):
            body = await self._get(source, prometheus_answer.instant_url(source.url, source.query, at))
            return prometheus_answer.instant_value(body)
        readings = await self._series(source, at - within, at)
        return finite(readings[-1][1]) if readings else None

    async def read_baseline(self, watch: OutcomeWatch, metric: WatchedMetric, end: datetime) -> list[float | None]:
        """What a metric, or its difference to the control, was in the watch's baseline period, oldest first.

        Empty where the watch has no such period. `end` is when the change began.

        Raises: as `read_point`, and
            HistoryUnavailable: the source knows only its present value.
        """
        if watch.baseline_period is None:
            return []
        start = end - watch.interval * (watch.baseline_period // watch.interval)
        values = await self._by_interval(metric.source, start, end, watch.interval)
        if metric.control is None:
            return list(values.values())
        controls = await self._by_interval(metric.control, start, end, watch.interval)
        return [_difference(value, controls.get(interval)) for interval, value in values.items()]

    async def read_history(self, source: MetricSource, start: datetime, end: datetime, step: timedelta) -> History:
        """A source's values from `start` to `end`, both included, oldest first.

        Raises: as `read_baseline`.
        """
        if isinstance(source, HttpSource):
            raise HistoryUnavailable(f"{source.url} knows only its present value; give the metric its baseline")
        if isinstance(source, StoreSource):
            return await self._series(source, start, end)
        history: History = []
        while start <= end:
            last = min(end, start + step * (_SAMPLES_A_REQUEST - 1))
            url = prometheus_answer.range_url(source.url, source.query, start, last, step.total_seconds())
            history += prometheus_answer.range_values(await self._get(source, url))
            start = last + step
        return history

    async def _by_interval(
        self, source: MetricSource, start: datetime, end: datetime, interval: timedelta
    ) -> dict[int, float | None]:
        """The last value of each interval before `end`, by the interval's number."""
        history = await self.read_history(source, start, end - interval, interval)
        return {(at - start) // interval: finite(value) for at, value in history}

    async def _series(self, source: StoreSource, start: datetime, end: datetime) -> History:
        if self._store is None:
            raise SourceRefused(f"series {source.series!r}: there is no store of series here; use another source")
        return await self._store.read_series(source.series, start, end)

    async def _get(self, source: HttpSource | PrometheusSource, url: str) -> str:
        """The body of the answer to a GET, which is repeated while that may help."""
        secrets = self._secrets(source)
        headers = {"Accept": "application/json"} | secrets
        try:
            message = HttpMessage(headers=headers, timeout_seconds=source.timeout_seconds)
        except ValidationError:  # its text would show the value
            names = ", ".join(secrets)
            raise SourceRefused(
                f"headers {names}: a variable holds no header's value; it must be visible ASCII"
            ) from None
        call = HttpCall("GET", url, message)
        retries = stamina.retry_context(
            SourceUnavailable, attempts=source.attempts, timeout=None, wait_max=_LONGEST_PAUSE_SECONDS
        )
        async for attempt in retries:
            with attempt:
                return await self._send(call, secrets.values())
        raise AssertionError("the retries end by returning or raising")

    async def _send(self, call: HttpCall, secrets: Iterable[str]) -> str:
        try:
            answer = await send(self._client, call, allowed_hosts=self._allowed_hosts)
        except (ActionRefused, httpx.InvalidURL) as error:
            raise SourceRefused(_hide(secrets, str(error))) from None
        except ActionFailed as error:
            raise SourceUnavailable(_hide(secrets, str(error))) from None
        if answer.truncated:
            raise AnswerUnusable(f"{call.url} answered more than {MAXIMUM_BODY_BYTES} bytes; ask it for less")
        return answer.body

    def _secrets(self, source: HttpSource | PrometheusSource) -> dict[str, str]:
        for header, variable in source.headers_from_environment.items():
            if not variable.startswith(self._variables):
                raise SourceRefused(f"header {header}: this tenant's variables begin with {self._variables}")
            if not self._environment.get(variable):
                raise SourceRefused(f"header {header}: the environment variable {variable} is not set; set it")
        return {header: self._environment[variable] for header, variable in source.headers_from_environment.items()}


def _hide(secrets: Iterable[str], message: str) -> str:
    """The message without secrets that an answer may have repeated."""
    for secret in secrets:
        message = message.replace(secret, "***")
    return message


def _value_at(body: str, source: HttpSource) -> float | None:
    try:
        value = resolve_pointer(json.loads(body), source.pointer)
    except (ValueError, RecursionError) as error:
        raise AnswerUnusable(f"{source.url} did not answer with JSON: {error}; it begins with {body[:200]!r}") from None
    except LookupError as error:
        message = error.args[0]
        raise AnswerUnusable(f"{source.url}, pointer {source.pointer!r}: {message}; correct the pointer") from None
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise AnswerUnusable(f"{source.url}, pointer {source.pointer!r}: {value!r:.100} is not a number")
    try:
        return finite(None if value is None else float(value))
    except OverflowError:
        return None


def _difference(value: float | None, control: float | None) -> float | None:
    return None if value is None or control is None else value - control
