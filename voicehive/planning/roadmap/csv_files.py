"""Initiatives from CSV, and roadmaps to CSV (RFC 4180), for the spreadsheets people already have."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from voicehive.planning.initiatives import Initiative
from voicehive.planning.roadmap.errors import InitiativesUnreadable
from voicehive.planning.roadmap.result import StrategicRoadmap

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBERS = ("cost_at_start", "cost_per_period", "failure_probability")
_PERIODS = ("earliest", "latest")
_FLAGS = ("required", "reversible", "accepted")
_TEXTS = ("id", "name", "risk", "origin")
_SPREADS = ("duration", "effort")
_PEOPLE = "people."
_KNOWN = frozenset((*_NUMBERS, *_PERIODS, *_FLAGS, *_TEXTS, *_SPREADS, "prerequisites"))
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read_initiatives(text: str, name: str) -> tuple[Initiative, ...]:
    """Read initiatives, one a row, from comma-separated text with a header.

    Columns are the fields of `Initiative` by their names; `people.<skill>` gives the people of one skill. A duration or
    effort is a number, or `low/mode/high` for a PERT distribution; prerequisites are ids divided by spaces, each with
    `+lag` where it has one. An empty cell leaves the field's default. Effects and execution plans do not fit a table.

    Args:
        text: the file's content, with or without a byte order mark.
        name: what messages call it.

    Raises:
        InitiativesUnreadable: naming row (the header is row 1) and column.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = list(reader.fieldnames or ())
        _check_header(header, name)
        found: dict[str, tuple[int, Initiative]] = {}
        for number, row in enumerate(reader, 2):
            initiative = _initiative(row, name, number)
            if initiative.id in found:
                raise _fault(
                    name, number, "id", f"{initiative.id!r} is also in row {found[initiative.id][0]}", "rename one"
                )
            found[initiative.id] = (number, initiative)
    except csv.Error as error:
        raise InitiativesUnreadable(f"{name}: line {reader.line_num}", str(error), "mend the quoting") from None
    if not found:
        raise InitiativesUnreadable(name, "holds no initiatives", "give a header and at least one row")
    return tuple(initiative for _, initiative in found.values())


def roadmap_csv(roadmap: StrategicRoadmap) -> str:
    """Write one row for each initiative of the roadmap, by start.

    A text that a spreadsheet would take for a formula is preceded by an apostrophe (OWASP, "CSV injection").
    """
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow(
        ["initiative", "name", "start", "finish", "starts_on", "ends_before", "cost", "mean_value", "contribution",
         "total_float", "critical", "in_all_scenarios", "waits_for"]
    )  # fmt: skip
    for one in roadmap.items:
        robust = "" if one.in_all_scenarios is None else str(one.in_all_scenarios).lower()
        writer.writerow(
            [one.initiative, _harmless(one.name), one.start, one.finish, one.starts_on, one.ends_before, one.cost,
             one.mean_value, one.contribution, one.total_float, str(one.critical).lower(), robust,
             " ".join(one.waits_for)]
        )  # fmt: skip
    return target.getvalue()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _check_header(header: list[str], name: str) -> None:
    if "id" not in header:
        raise InitiativesUnreadable(f"{name}: row 1", "has no column id", "name the columns in the first row")
    for place, column in enumerate(header):
        if column not in _KNOWN and not (column.startswith(_PEOPLE) and column != _PEOPLE):
            known = ", ".join(sorted(_KNOWN))
            raise _fault(name, 1, column, "is no known column", f"use {known}, people.<skill>")
        if column in header[:place]:
            raise _fault(name, 1, column, "is there twice", "keep one")


def _initiative(row: Mapping[str | Any, Any], name: str, number: int) -> Initiative:
    fields: dict[str, Any] = {}
    people: dict[str, float] = {}
    if None in row or None in row.values():
        raise _fault(name, number, "id", "the row has not as many cells as the header", "complete it, or quote commas")
    for column, cell in row.items():
        if not (value := str(cell).strip()):
            continue
        try:
            if column.startswith(_PEOPLE):
                people[column.removeprefix(_PEOPLE)] = float(value)
            else:
                fields[column] = _read(column, value)
        except (KeyError, ValueError):
            raise _fault(name, number, column, f"cannot read {value!r}", _wanted(column)) from None
    try:
        return Initiative.model_validate(fields | ({"people": people} if people else {}))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = [str(part) for part in first["loc"]]
        column = ".".join(path[:2]) if path[:1] == ["people"] else (path[0] if path else "id")
        raise _fault(name, number, column, first["msg"].removeprefix("Value error, "), "correct the cell") from None


def _read(column: str, value: str) -> Any:
    if column in _NUMBERS:
        return float(value)
    if column in _PERIODS:
        return int(value)
    if column in _FLAGS:
        return _TRUTH[value.lower()]
    if column in _SPREADS:
        return _distribution(value)
    if column == "prerequisites":
        return tuple(_prerequisite(word) for word in value.split())
    return value


def _distribution(value: str) -> dict[str, Any]:
    numbers = [float(part) for part in value.split("/")]
    if len(numbers) == 1:
        return {"kind": "constant", "value": numbers[0]}
    low, mode, high = numbers
    return {"kind": "pert", "low": low, "mode": mode, "high": high}


def _prerequisite(word: str) -> dict[str, Any]:
    name, plus, lag = word.partition("+")
    return {"initiative": name, "lag": int(lag)} if plus else {"initiative": name}


def _wanted(column: str) -> str:
    if column in _FLAGS:
        return "write true or false"
    if column in _PERIODS:
        return "write a whole number of periods"
    if column in _SPREADS:
        return "write a number, or low/mode/high"
    return (
        "write ids divided by spaces, each with +lag where it has one"
        if column == "prerequisites"
        else "write a number"
    )


def _fault(name: str, row: int, column: str, problem: str, remedy: str) -> InitiativesUnreadable:
    return InitiativesUnreadable(f"{name}: row {row}, column {column}", problem, remedy)
