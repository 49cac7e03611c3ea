"""The schedule on which trust is measured: put, changed, removed."""

import re
from datetime import timedelta

from voicehive.cli import rendering
from voicehive.cli.errors import InputInvalid
from voicehive.cli.exit_codes import ExitCode
from voicehive.cli.output import Output
from voicehive.cli.session import open_session
from workers.trust_schedule import put_trust_schedule, remove_trust_schedule, schedule_id

LEAST, MOST = timedelta(minutes=10), timedelta(days=31)
_PERIOD = re.compile(r"([1-9][0-9]{0,5})(m|h|d)")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


async def put(output: Output, tenant: str, every: str) -> ExitCode:
    """Have trust measured in every period from now on.

    Raises:
        InputInvalid: the period cannot be read, or is out of bounds.
    """
    period = _period(every)
    session = await open_session()
    new = await put_trust_schedule(session.client, tenant, period, session.settings.task_queue)
    told = f"trust of tenant {tenant!r} is measured every {every}" + ("" if new else "; the schedule was there before")
    output.console.print(rendering.line("✔", told, "green"))
    if session.ui_url is not None:
        link = f"{session.ui_url}/namespaces/{session.client.namespace}/schedules/{schedule_id(tenant)}"
        output.console.print(f"    {link}", soft_wrap=True)
    output.document(
        {"tenant": tenant, "schedule": schedule_id(tenant), "every_seconds": period.total_seconds(), "new": new}
    )
    return ExitCode.DONE


async def remove(output: Output, tenant: str) -> ExitCode:
    """Have it measured no longer; nothing to remove is no failure."""
    session = await open_session()
    removed = await remove_trust_schedule(session.client, tenant)
    told = "no longer measured on a schedule" if removed else "not measured on a schedule; nothing was removed"
    output.console.print(rendering.line("✔", f"trust of tenant {tenant!r} is {told}", "green"))
    output.document({"tenant": tenant, "schedule": schedule_id(tenant), "removed": removed})
    return ExitCode.DONE


def _period(text: str) -> timedelta:
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise InputInvalid(f"--every {text!r}: write a whole number and m, h or d, such as 1d or 12h")
    period = int(match[1]) * _UNITS[match[2]]
    if not LEAST <= period <= MOST:
        raise InputInvalid(f"--every {text!r}: give at least 10m and at most 31d")
    return period
