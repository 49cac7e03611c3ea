"""Turns columns of measured values into arrays, and arrays into what stands in a document."""

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.evaluators.column import Column, PackedNumbers, kind_of_column

_DOUBLES = np.dtype("<f8")
_LONGEST_LIST = 500
"""Longer columns of numbers are packed; shorter ones stay readable."""


def array_of(column: Column) -> NDArray[Any]:
    """Turn a column into an array (N,).

    Returns:
        Numbers as floats, NaN where nothing was measured; booleans as booleans; texts as objects. Where a boolean or a
        text was not measured, the array is one of objects and holds None.
    """
    if isinstance(column, PackedNumbers):
        return np.frombuffer(base64.b64decode(column.float64), dtype=_DOUBLES).astype(np.float64)
    kind = kind_of_column(column)
    if kind == "number":
        return np.array(column, dtype=np.float64)
    whole = kind == "boolean" and None not in column
    return np.array(column, dtype=np.bool_ if whole else np.object_)


def column_of(array: NDArray[Any]) -> Column:
    """Turn an array as `array_of` returns it into a column."""
    if array.dtype.kind != "f":
        return tuple(array.tolist())
    if len(array) > _LONGEST_LIST:
        return PackedNumbers(float64=base64.b64encode(array.astype(_DOUBLES).tobytes()).decode())
    return tuple(None if np.isnan(number) else float(number) for number in array)
