"""Reads columns of measured values from a CSV or a Parquet file."""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportAttributeAccessIssue=false

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv, parquet

from voicehive.optimization.errors import InvalidData

MAXIMUM_BYTES = 256 * 1024 * 1024
"""The largest file that is read."""
MAXIMUM_CELLS = 20_000_000
"""The most rows times columns that are read."""

_NOT_MEASURED = ["", "NA", "N/A", "NaN", "nan", "null", "NULL"]
_NUMBER = r"^\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*$"


def read_columns(path: Path, texts: Sequence[str] = ()) -> dict[str, NDArray[Any]]:
    """Read every column of a file.

    Args:
        path: ends in .csv (UTF-8, commas, a header; cells may be empty) or .parquet.
        texts: columns of a CSV file that are texts even where they look like numbers.

    Returns:
        An array (N,) for each column's name, N at least 1: numbers as floats, NaN where nothing was measured; booleans
        as booleans; texts, dates and times as objects that are text. Where a boolean or a text was not measured, the
        array is one of objects and holds None.

    Raises:
        InvalidData: the file is missing, too large, damaged or empty, has two columns of a name, a column whose type
            cannot be used, an infinite number, or a text among numbers; the message names file, column and row.
    """
    try:
        table = _table(path, texts)
    except (OSError, pa.ArrowException) as error:
        raise InvalidData(f"{path}: cannot be read ({error}); check that it is there and whole") from None
    names: list[str] = table.column_names
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InvalidData(f"{path}: has {repeated[0]!r} as the name of two columns; rename one")
    if len(names) == 1 and ";" in names[0]:
        raise InvalidData(f"{path}: its columns seem to be separated by semicolons; separate them by commas")
    if not table.num_rows or not names:
        raise InvalidData(f"{path}: holds no rows; add one for each measurement")
    return {name: _array(f"{path}, column {name!r}", table.column(name), path.suffix) for name in names}


def _table(path: Path, texts: Sequence[str]) -> pa.Table:
    size = path.stat().st_size
    if size > MAXIMUM_BYTES:
        raise InvalidData(f"{path}: has {size:,} bytes; at most {MAXIMUM_BYTES:,} are read")
    if path.suffix == ".parquet":
        with parquet.ParquetFile(path) as file:
            _refuse_too_many(path, file.metadata.num_rows * file.metadata.num_columns)
            return file.read()
    if path.suffix != ".csv":
        raise InvalidData(f"{path}: is neither .csv nor .parquet; convert it to one of them")
    table = csv.read_csv(
        path,
        convert_options=csv.ConvertOptions(null_values=_NOT_MEASURED, column_types=dict.fromkeys(texts, pa.string())),
    )
    _refuse_too_many(path, table.num_rows * table.num_columns)
    return table


def _refuse_too_many(path: Path, cells: int) -> None:
    if cells > MAXIMUM_CELLS:
        raise InvalidData(f"{path}: has {cells:,} cells; at most {MAXIMUM_CELLS:,} are read")


def _array(where: str, column: pa.ChunkedArray, suffix: str) -> NDArray[Any]:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_boolean(kind):
        return column.to_numpy() if column.null_count == 0 else np.array(column.to_pylist(), dtype=np.object_)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return _numbers(where, column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_temporal(kind):
        texts = column.cast(pa.string())
        if suffix == ".csv":
            _refuse_mixture(where, texts)
        return np.array([text or None for text in texts.to_pylist()], dtype=np.object_)
    fault = "text that is not UTF-8" if pa.types.is_binary(kind) else f"values of type {kind}"
    raise InvalidData(f"{where}: holds {fault}; only numbers, booleans and text can be used")


def _numbers(where: str, column: pa.ChunkedArray) -> NDArray[np.float64]:
    try:
        numbers = np.array(column.cast(pa.float64()).to_numpy())
    except pa.ArrowInvalid as error:
        raise InvalidData(f"{where}: holds a number that no double represents ({error})") from None
    infinite = np.flatnonzero(np.isinf(numbers))
    if infinite.size:
        raise InvalidData(f"{where}, row {infinite[0] + 1}: is infinite; leave cells empty where nothing was measured")
    return numbers


def _refuse_mixture(where: str, texts: pa.ChunkedArray) -> None:
    """Refuse a column that is text only because of a few of its cells."""
    numeric = pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False).to_numpy()
    measured = pc.fill_null(pc.invert(pc.is_in(texts, pa.array(_NOT_MEASURED))), False).to_numpy()
    strange = np.flatnonzero(measured & ~numeric)
    if 0 < strange.size < numeric.sum():
        row = int(strange[0])
        raise InvalidData(
            f"{where}, row {row + 1}: holds {texts[row].as_py()!r}, though most of the column are numbers; "
            "write a number, or leave the cell empty where nothing was measured"
        )
