"""Reads a metric's points from a CSV file (RFC 4180, with a header row)."""

import csv
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from voicehive.autonomy.outcomes.points import MetricPoint
from voicehive.planning.errors import SeriesUnusable
from voicehive.planning.goals import CsvSource


def read_csv_series(source: CsvSource, metric: str, folder: Path) -> list[MetricPoint]:
    """The points of a file in the order of its rows; an empty value is a point without a number, and so is NaN.

    Args:
        source: the file, by its path within `folder`, and its columns.
        metric: the name that the points bear.
        folder: where files may be read.

    Raises:
        SeriesUnusable: the file is outside the folder, is not there, or is no such CSV; the message names row (1 is
            the header) and column.
    """
    path = (folder / source.path).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise SeriesUnusable(source.path, "lies outside the folder of metrics", "give a path within it")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            _check_header(source, rows.fieldnames or ())
            return [_point(source, metric, rows.line_num, row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SeriesUnusable(source.path, f"cannot be read: {error}", "give a CSV file in UTF-8") from None


def _check_header(source: CsvSource, columns: Sequence[str]) -> None:
    for wanted in (source.time_column, source.value_column):
        if wanted not in columns:
            there = ", ".join(columns) or "none"
            raise SeriesUnusable(f"{source.path}: row 1", f"has no column {wanted!r}", f"there are: {there}")


def _point(source: CsvSource, metric: str, line: int, row: Mapping[str, str | None]) -> MetricPoint:
    where = f"{source.path}: row {line}, column"
    moment, number = (row[column] or "" for column in (source.time_column, source.value_column))
    try:
        at = datetime.fromisoformat(moment.strip())
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        problem = f"{moment!r} is no moment with its offset"
        raise SeriesUnusable(f"{where} {source.time_column}", problem, "write it as 2026-03-01T09:30:00+00:00")
    try:
        value = float(number) if number.strip() else None
    except ValueError:
        problem = f"{number!r} is no number"
        raise SeriesUnusable(f"{where} {source.value_column}", problem, "write it as 0.85, or leave it empty") from None
    return MetricPoint.of(metric, at, value)
