"""Looks at everything a decision needs and says what to do about what is missing."""

import platform
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.service import RPCError

from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.errors import PolicyInvalid
from voicehive.autonomy.policy_document import default_policy_text, parse_policy
from voicehive.cli import rendering
from voicehive.cli.exit_codes import ExitCode
from voicehive.cli.output import Output
from voicehive.cli.session import Session, open_session
from voicehive.storage.database import Database, normalize_url
from voicehive.storage.errors import StorageError
from voicehive.storage.policies import Policies
from workers.client import uses_own_server
from workers.errors import WorkersError
from workers.search_attributes import SEARCH_ATTRIBUTES
from workers.settings import Settings
from workers.temporal_cli import cache_directory, find_cli

STILL_POLLING = timedelta(seconds=90)
"""A long poll lasts 60 s, so a worker that has not polled for longer is gone."""


class Check(NamedTuple):
    """One thing looked at; `advice` is what to do where it is not ok."""

    name: str
    ok: bool
    found: str
    advice: str = ""


async def examine(output: Output, tenant: str) -> ExitCode:
    """Check everything; `UNREACHABLE` if anything is missing."""
    settings = Settings.load()
    checks = [_python(), _temporal_cli(settings)]
    checks += [check async for check in _temporal(settings)]
    checks += [check async for check in _store(settings, tenant)]
    for check in checks:
        mark, word, style = ("✔", "ok", "green") if check.ok else ("✘", "missing", "red")
        output.console.print(rendering.line(mark, f"{word:8}{check.name}: {check.found}", style))
        if not check.ok:
            output.console.print(f"          {check.advice}", style="bold", soft_wrap=True)
    output.document({"checks": [check._asdict() for check in checks]})
    return ExitCode.DONE if all(check.ok for check in checks) else ExitCode.UNREACHABLE


def _python() -> Check:
    ok = sys.version_info >= (3, 11)
    return Check("Python", ok, platform.python_version(), "" if ok else "install Python 3.11 or newer")


def _temporal_cli(settings: Settings) -> Check:
    name = "Temporal CLI"
    try:
        found = find_cli(settings)
    except WorkersError as error:
        return Check(name, False, str(settings.temporal_cli), str(error))
    if found is None:
        if uses_own_server():
            return Check(name, True, "not here, and not needed: the environment names a server")
        return Check(name, False, "not on this machine", "`voicehive up` downloads or builds it")
    where = "the cache" if found.parent == cache_directory() else "PATH"
    return Check(name, True, f"{found} (from {'VOICEHIVE_TEMPORAL_CLI' if settings.temporal_cli else where})")


async def _temporal(settings: Settings) -> AsyncGenerator[Check]:
    try:
        session = await open_session(settings)
    except WorkersError as error:
        message, _, advice = str(error).rpartition(": ")
        yield Check("Temporal server", False, message, advice)
        return
    yield Check("Temporal server", True, session.client.service_client.config.target_host)
    yield Check("namespace", True, session.client.namespace)
    for name, look, advice in (
        ("search attributes", _search_attributes, "`voicehive up` and `voicehive worker` register them"),
        ("worker", _worker, "start one with `voicehive worker`"),
    ):
        yield await _looked(name, look, session, advice)


async def _looked(
    name: str, look: Callable[[Session], Awaitable[tuple[bool, str]]], session: Session, advice: str
) -> Check:
    try:
        return Check(name, *await look(session), advice)
    except RPCError as error:
        return Check(name, False, f"the server answers: {error.message}", advice)


async def _search_attributes(session: Session) -> tuple[bool, str]:
    request = ListSearchAttributesRequest(namespace=session.client.namespace)
    present = (await session.client.operator_service.list_search_attributes(request)).custom_attributes
    missing = [name for name, kind in SEARCH_ATTRIBUTES.items() if present.get(name) != kind]
    return not missing, f"without {', '.join(missing)}" if missing else f"all {len(SEARCH_ATTRIBUTES)} registered"


async def _worker(session: Session) -> tuple[bool, str]:
    queue = session.settings.task_queue
    answer = await session.client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=session.client.namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    since = datetime.now(UTC) - STILL_POLLING
    polling = [p.identity for p in answer.pollers if p.last_access_time.ToDatetime(UTC) > since]
    return bool(polling), f"{', '.join(polling) or 'none'} on task queue {queue}"


async def _store(settings: Settings, tenant: str) -> AsyncGenerator[Check]:
    advice = "`voicehive up`, `voicehive worker` and `voicehive settings` create and migrate it"
    try:
        url = normalize_url(settings.database_url)
        shown = url.render_as_string()
        if url.get_backend_name() == "sqlite" and not _exists(url.database):
            yield Check("database", False, f"{url.database} does not exist yet", advice)
            return
        database = await Database.open(settings.database_url)
    except StorageError as error:
        yield Check("database", False, str(error), "correct VOICEHIVE_DATABASE_URL, or start the database")
        return
    try:
        current = await database.is_current()
        yield Check("database", current, f"{shown}, {'migrated' if current else 'of another version'}", advice)
        if current:
            yield await _policy(database, tenant)
    finally:
        await database.close()


def _exists(file: str | None) -> bool:
    """Whether an SQLite file is there; opening one that is not would create it, and a doctor only looks."""
    return file is not None and Path(file).exists()


async def _policy(database: Database, tenant: str) -> Check:
    async with database.reading() as session:
        stored = await Policies(session, tenant).current()
    name = f"policy of {tenant}"
    try:
        policy = parse_policy(stored.document if stored else default_policy_text())
        AutonomousController(policy)
    except PolicyInvalid as error:
        return Check(name, False, str(error), "store a corrected policy: until then every decision of the tenant fails")
    version = f"version {stored.version}" if stored else "the built-in one"
    return Check(name, True, f"{policy.name}, {version}, {len(policy.constraints)} rules")
