"""Reads a problem from a file: YAML, JSON, a decision request's JSON, or a table of measured candidates."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import from_json

from voicehive.optimization.errors import InvalidData
from voicehive.optimization.evaluators.table import Table
from voicehive.optimization.models import Objective
from voicehive.optimization.problem import Problem

DOCUMENTS = (".yaml", ".yml", ".json")
TABLES = (".csv", ".parquet")
MAXIMUM_BYTES = 64 * 1024 * 1024
"""The largest document that is read."""


def read_problem(
    path: Path, *, minimize: Sequence[str] = (), maximize: Sequence[str] = (), label: str | None = None
) -> Problem:
    """Read a problem whole, the files it names included; these stand beside it.

    Args:
        path: a document (`DOCUMENTS`): a problem, or an object that holds one under `problem`, as a decision request
            does; or a table (`TABLES`), one candidate a row.
        minimize: a table's columns of which less is better; together with `maximize` at least one.
        maximize: a table's columns of which more is better.
        label: a table's column that names the candidates; else they go by their row's number.

    Raises:
        InvalidData: a file cannot be read, or its content does not fit; the message names each field.
    """
    try:
        if path.suffix in TABLES:
            return _problem_of_table(path, minimize, maximize, label)
        if minimize or maximize or label:
            raise InvalidData(f"{path}: names its objectives itself; only a table needs them named beside it")
        return _problem_of_document(path)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, fault['loc'])) or 'the problem'}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise InvalidData(f"{path}: " + "\n  ".join([*problems, "correct it and run this again"])) from None


def numeric_columns(path: Path, label: str | None = None) -> tuple[str, ...]:
    """The columns of a table that can be objectives.

    Raises:
        InvalidData: the file cannot be used.
    """
    return _table(path, label).outcome_names


def _table(path: Path, label: str | None) -> Table:
    return Table(kind="table", file=path.name, label=label).with_data(path.parent)


def _problem_of_table(path: Path, minimize: Sequence[str], maximize: Sequence[str], label: str | None) -> Problem:
    table = _table(path, label)
    numeric = ", ".join(table.outcome_names) or "none"
    if not minimize and not maximize:
        raise InvalidData(f"{path}: name at least one objective; its columns of numbers are: {numeric}")
    for name in (*minimize, *maximize):
        if name not in table.outcome_names:
            raise InvalidData(f"{path}: objective {name!r} is no column of numbers; there are: {numeric}")
    objectives = (
        *(Objective(name=name, direction="minimize") for name in minimize),
        *(Objective(name=name, direction="maximize") for name in maximize),
    )
    return Problem(objectives=objectives, evaluator=table)


def _problem_of_document(path: Path) -> Problem:
    content = _content(path)
    if isinstance(content, dict) and "problem" in content:
        content = cast("dict[str, Any]", content)["problem"]
    if not isinstance(content, dict):
        raise InvalidData(f"{path}: holds no problem: write an object with objectives, an evaluator and parameters")
    try:
        text = json.dumps(content, allow_nan=False)
    except ValueError as error:
        raise InvalidData(f"{path}: holds what JSON cannot express ({error}); write finite numbers") from None
    return Problem.model_validate_json(text).with_data(path.parent)


def _content(path: Path) -> Any:
    if path.suffix not in DOCUMENTS:
        raise InvalidData(f"{path}: is of no known kind; its name ends in one of {', '.join(DOCUMENTS + TABLES)}")
    try:
        if (size := path.stat().st_size) > MAXIMUM_BYTES:
            raise InvalidData(f"{path}: has {size:,} bytes; at most {MAXIMUM_BYTES:,} are read")
        text = path.read_bytes()
    except OSError as error:
        raise InvalidData(f"{path}: cannot be read ({error.strerror}); check the path") from None
    if path.suffix != ".json":
        from voicehive.optimization.documents.yaml_document import parse_yaml  # noqa: PLC0415 - JSON needs no YAML library

        return parse_yaml(text, str(path))
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidData(f"{path}: is not JSON: {error}") from None
