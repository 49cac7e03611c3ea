"""Series of readings in the store: put and shown."""

import csv
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from voicehive.autonomy.outcomes.points import finite
from voicehive.autonomy.outcomes.sources import StoreSource
from voicehive.cli import rendering
from voicehive.cli.deployment_settings import open_store
from voicehive.cli.errors import InputInvalid
from voicehive.cli.exit_codes import ExitCode
from voicehive.cli.output import Output
from voicehive.storage.series import Series
from workers.settings import Settings

Readings = list[tuple[datetime, float]]

_TIME = TypeAdapter(datetime)
_COLUMNS = ("time", "value")


def read(value: float | None, at: str | None, file: Path | None) -> Readings:
    """One reading, or those of a file.

    Raises:
        InputInvalid: neither or both are given, or a time or a value cannot be used.
    """
    if (value is None) == (file is None):
        raise InputInvalid("give either one VALUE, or --file with a CSV file of the columns time and value")
    if file is not None:
        if at is not None:
            raise InputInvalid("--at belongs to one VALUE; the file gives its own times")
        return _read_file(file)
    return [(_moment(at, "--at") if at else datetime.now(UTC), _number(str(value), "VALUE"))]


async def put(output: Output, tenant: str, series: str, readings: Readings) -> ExitCode:
    """Keep readings, all or none."""
    name = _name(series)
    async with open_store(Settings.load()) as database, database.transaction() as session:
        await Series(session, tenant).put(name, readings)
    told = f"{len(readings)} readings of {name} kept for tenant {tenant!r}"
    output.console.print(rendering.line("✔", told.replace("1 readings", "1 reading", len(readings) == 1), "green"))
    output.document({"tenant": tenant, "series": name, "kept": len(readings)})
    return ExitCode.DONE


async def show(output: Output, tenant: str, series: str, limit: int) -> ExitCode:
    """Show the newest readings."""
    name = _name(series)
    async with open_store(Settings.load()) as database, database.reading() as session:
        readings = await Series(session, tenant).newest(name, limit)
    shown = rendering.table("time (UTC)", name, numbers=(name,))
    for at, value in readings:
        shown.add_row(f"{at:%Y-%m-%d %H:%M:%S}", f"{value:.6g}")
    nothing = f"tenant {tenant!r} has no readings of {name}: keep one with `voicehive metric put {name} VALUE`"
    output.console.print(shown if readings else nothing)
    output.document(
        {
            "tenant": tenant,
            "series": name,
            "readings": [{"time": at.isoformat(), "value": value} for at, value in readings],
        }
    )
    return ExitCode.DONE


def _name(series: str) -> str:
    try:
        return StoreSource(kind="store", series=series).series
    except ValidationError:
        raise InputInvalid(
            f"SERIES {series!r}: use letters, digits, dots, dashes and underscores, at most a hundred"
        ) from None


def _read_file(path: Path) -> Readings:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
            if missing := [name for name in _COLUMNS if name not in (rows.fieldnames or ())]:
                raise InputInvalid(f"{path}: there is no column {' nor '.join(missing)}; its first line names columns")
            readings = [
                (_moment(row["time"], f"{path}, line {rows.line_num}"), _number(row["value"], f"line {rows.line_num}"))
                for row in rows
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputInvalid(f"{path}: cannot be read ({error}); check the path and that it is CSV") from None
    if not readings:
        raise InputInvalid(f"{path}: holds no readings; put one a line below the columns' names")
    return readings


def _moment(text: str | None, where: str) -> datetime:
    try:
        moment = _TIME.validate_strings(text or "")
    except ValidationError:
        raise InputInvalid(f"{where}: {text!r} is no time; write it like 2026-11-24T12:00:00Z") from None
    if moment.tzinfo is None:
        raise InputInvalid(f"{where}: {text} has no time zone; add Z for UTC, or an offset such as +01:00")
    return moment


def _number(text: str | None, where: str) -> float:
    try:
        number = finite(float(text or ""))
    except ValueError:
        number = None
    if number is None:
        raise InputInvalid(f"{where}: {text!r} is no finite number; leave out a reading that is missing")
    return number
