# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
"""Results as files: JSON, and Parquet with one row for each solution of the front."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from voicehive.optimization.errors import InvalidData
from voicehive.optimization.parameter import Setting
from voicehive.optimization.result import OptimizationResult

METADATA = b"voicehive.optimization_result"
"""The key of a Parquet file's metadata under which everything but the front stands, as JSON."""

SUFFIXES = (".json", ".parquet")
_SETTING, _OUTCOME, _SLACK = "setting.", "outcome.", "slack."


def write_result(result: OptimizationResult, path: Path) -> None:
    """Write a result in the format that the file's name ends in.

    Raises:
        ValueError: it ends in neither of `SUFFIXES`.
        OSError: the file cannot be written.
    """
    if path.suffix == ".json":
        path.write_text(result.model_dump_json(indent=2) + "\n", encoding="utf-8")
    elif path.suffix == ".parquet":
        write_parquet(result, path)
    else:
        raise ValueError(f"{path}: the name of a result's file ends in {' or '.join(SUFFIXES)}")


def write_parquet(result: OptimizationResult, path: Path) -> None:
    """Write a result to Parquet: `read_parquet` gives an equal one back.

    Columns: `index`; `setting.NAME`, whole numbers, floats, booleans or text; `outcome.NAME` and `slack.LABEL`, floats;
    `violation`. A solution that lacks a name has a null there. The rest is JSON in the metadata, under `METADATA`.

    Raises:
        ValueError: one setting is a number in one solution and a text in another.
        OSError: the file cannot be written.
    """
    import pyarrow as pa  # noqa: PLC0415 - loaded only where a file is wanted
    from pyarrow import parquet  # noqa: PLC0415

    front = result.front
    columns: dict[str, Any] = {"index": pa.array([solution.index for solution in front], pa.int64())}
    for name in _names(solution.settings for solution in front):
        columns[_SETTING + name] = _typed(name, [solution.settings.get(name) for solution in front])
    for name in _names(solution.outcomes for solution in front):
        columns[_OUTCOME + name] = pa.array([solution.outcomes.get(name) for solution in front], pa.float64())
    for name in _names(solution.slacks for solution in front):
        columns[_SLACK + name] = pa.array([solution.slacks.get(name) for solution in front], pa.float64())
    columns["violation"] = pa.array([solution.violation for solution in front], pa.float64())
    rest = result.model_dump_json(exclude={"front"})
    parquet.write_table(pa.table(columns).replace_schema_metadata({METADATA: rest.encode()}), path)


def read_parquet(path: Path) -> OptimizationResult:
    """Read a result that `write_parquet` wrote.

    Raises:
        InvalidData: the file holds no result, or a damaged one.
        OSError: it cannot be read.
    """
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    try:
        table = parquet.read_table(path)
    except pa.ArrowInvalid as error:
        raise InvalidData(f"{path}: is no Parquet file ({error}); give one that --output wrote") from None
    rest = (table.schema.metadata or {}).get(METADATA)
    if rest is None:
        raise InvalidData(f"{path}: its metadata has no {METADATA.decode()}; give a file that --output wrote")
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    try:
        content = json.loads(rest) | {"front": [_solution(columns, row) for row in range(table.num_rows)]}
        return OptimizationResult.model_validate_json(json.dumps(content))
    except (ValidationError, ValueError, KeyError) as error:
        raise InvalidData(f"{path}: holds a result that does not fit this version ({error}); write it anew") from None


def _names(parts: Iterable[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for part in parts for name in part))


def _typed(name: str, values: Sequence[Setting | None]) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        kinds = {float}
    if len(kinds) > 1:
        found = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(f"setting {name!r} is of several kinds ({found}), which no column holds; write JSON instead")
    types = {int: pa.int64(), float: pa.float64(), bool: pa.bool_(), str: pa.string()}
    return pa.array(values, types[kinds.pop()] if kinds else pa.null())


def _solution(columns: dict[str, list[Any]], row: int) -> dict[str, Any]:
    def part(prefix: str) -> dict[str, Any]:
        found = {name.removeprefix(prefix): values[row] for name, values in columns.items() if name.startswith(prefix)}
        return {name: value for name, value in found.items() if value is not None}

    return {
        "index": columns["index"][row],
        "settings": part(_SETTING),
        "outcomes": part(_OUTCOME),
        "violation": columns["violation"][row],
        "slacks": part(_SLACK),
    }
