"""Reads calls by interval from a CSV file with the columns business_day, interval_start, calls."""

import csv
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from voicehive.optimization.errors import InvalidArrivals
from voicehive.optimization.evaluators.contact_centre import Arrivals

_COLUMNS = ("business_day", "interval_start", "calls")


class _Row(NamedTuple):
    day: str
    minute: int
    calls: float


def read_arrivals(path: Path, day: int | str | None, interval_minutes: int) -> tuple[Arrivals, ...]:
    """Read one day's arrivals, summed into intervals that start at whole multiples of `interval_minutes`.

    An interval is as long as the rows it holds, so that a last one cut short keeps its true rate. `day` may be left
    out where the file has only one.

    Raises:
        InvalidArrivals: the file or a column is missing, a value is not a time or a count, the day is not in the file,
            or the file's rows are further apart than `interval_minutes`.
    """
    rows = _rows(path)
    days = list(dict.fromkeys(row.day for row in rows))
    if day is None and len(days) > 1:
        raise InvalidArrivals(f"{path}: holds {len(days)} days; pick one with business_day: {_listing(days)}")
    chosen = days[0] if day is None else str(day)
    if chosen not in days:
        raise InvalidArrivals(f"{path}: business_day {chosen!r} is not in the file; it has {_listing(days)}")
    return _summed(path, [row for row in rows if row.day == chosen], interval_minutes)


def _rows(path: Path) -> list[_Row]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArrivals(f"arrivals_file {path}: cannot be read ({error}); check path and encoding") from None
    reader = csv.DictReader(text.splitlines())
    header = list(reader.fieldnames or ())
    missing = [column for column in _COLUMNS if column not in header]
    if missing:
        needed = list(_COLUMNS)
        raise InvalidArrivals(f"{path}: column {missing[0]!r} is missing; the file has {header}, it needs {needed}")
    rows = [_row(path, reader.line_num, record) for record in reader]
    if not rows:
        raise InvalidArrivals(f"{path}: has a header and no rows; add a row for each interval")
    return rows


def _row(path: Path, line: int, record: dict[str, str | None]) -> _Row:
    day, start, calls = ((record[column] or "").strip() for column in _COLUMNS)
    try:
        hours, minutes = start.split(":")
        minute = int(hours) * 60 + int(minutes)
        if not (len(minutes) == 2 and 0 <= minute < 1440 and 0 <= int(minutes) < 60):
            raise ValueError
    except ValueError:
        raise InvalidArrivals(f"{path}, line {line}: interval_start {start!r} is not a time HH:MM") from None
    try:
        count = float(calls)
        if not 0 <= count < float("inf"):
            raise ValueError
    except ValueError:
        raise InvalidArrivals(f"{path}, line {line}: calls {calls!r} is not a number of calls, 0 or more") from None
    return _Row(day, minute, count)


def _summed(path: Path, rows: list[_Row], interval_minutes: int) -> tuple[Arrivals, ...]:
    minutes = sorted(row.minute for row in rows)
    gaps = [later - earlier for earlier, later in pairwise(minutes)]
    spacing = min(gaps, default=interval_minutes)
    if spacing == 0:
        raise InvalidArrivals(f"{path}: a day has two rows with the same interval_start; keep one")
    if interval_minutes % spacing:
        raise InvalidArrivals(
            f"{path}: its rows are {spacing} minutes apart; interval_minutes {interval_minutes} must be a multiple"
        )
    calls: dict[int, float] = defaultdict(float)
    length: dict[int, int] = defaultdict(int)
    for row in rows:
        start = row.minute // interval_minutes * interval_minutes
        calls[start] += row.calls
        length[start] += spacing
    return tuple(
        Arrivals(start=f"{start // 60:02d}:{start % 60:02d}", calls=calls[start], minutes=length[start])
        for start in sorted(calls)
    )


def _listing(days: list[str]) -> str:
    return ", ".join(days) if len(days) <= 12 else f"{', '.join(days[:5])} ... {days[-1]}"
