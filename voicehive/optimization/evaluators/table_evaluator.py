"""Ranks and looks up measured candidates."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.errors import InvalidData
from voicehive.optimization.evaluators.column_arrays import array_of
from voicehive.optimization.evaluators.table import ROW, Table
from voicehive.optimization.parameter import Parameter

if TYPE_CHECKING:
    from voicehive.optimization.evaluators.description import Columns, Outcomes


class MeasuredRows(NamedTuple):
    """Candidates with what was measured: an array (N,) for each setting, outcome, and (if there are any) the labels."""

    settings: "Columns"
    outcomes: "Outcomes"
    labels: NDArray[Any] | None


class TableEvaluator:
    """Offers a table's rows as candidates, and looks up what was measured for given settings.

    Raises:
        InvalidData: the table's file has not been read, or the rows do not tell apart what the parameters mean: a
            setting is not measured, is not whole where it counts, or two rows are the same.
    """

    def __init__(self, description: Table, parameters: Sequence[Parameter]) -> None:
        if not description.has_data:
            raise InvalidData(
                f"file {description.file!r} has not been read; call with_data(folder of the request) first"
            )
        self._arrays = {name: array_of(column) for name, column in description.columns.items()}
        self._outcome_names = description.outcome_names
        self._label = description.label
        self._parameters = tuple(parameters)
        self._settings = self._settings_of_rows(description.rows)
        self._row_of = self._rows_by_settings()

    def rows(self) -> MeasuredRows:
        """Return the rows that the parameters allow (bounds, choices, largest change), in the table's order.

        In a problem without parameters, all of them.
        """
        allowed = np.flatnonzero(self._allowed())
        labels = None if self._label is None else self._arrays[self._label][allowed]
        return MeasuredRows(
            {name: values[allowed] for name, values in self._settings.items()},
            {name: self._arrays[name][allowed] for name in self._outcome_names},
            labels,
        )

    def evaluate(self, columns: "Columns") -> "Outcomes":
        """Look up every outcome for N candidates; NaN where no row has exactly those settings, or it was not measured.

        Args:
            columns: an array (N,) for each parameter's name; in a problem without parameters one for the label's name,
                or else the row's number, from 1, as `row`.
        """
        keys = zip(*(np.asarray(columns[name]).tolist() for name in self._settings), strict=True)
        rows = np.fromiter((self._row_of.get(key, -1) for key in keys), dtype=np.intp)
        return {name: np.where(rows < 0, np.nan, self._arrays[name][rows]) for name in self._outcome_names}

    def _settings_of_rows(self, rows: int) -> dict[str, NDArray[Any]]:
        if self._parameters:
            return {parameter.name: self._setting(parameter, rows) for parameter in self._parameters}
        if self._label is None:
            return {ROW: np.arange(1, rows + 1)}
        _refuse_empty(f"label {self._label!r}", self._arrays[self._label])
        return {self._label: _as_texts(self._arrays[self._label])}

    def _setting(self, parameter: Parameter, rows: int) -> NDArray[Any]:
        if parameter.name not in self._arrays:
            return np.full(rows, parameter.current, dtype=np.object_ if isinstance(parameter.current, str) else None)
        values = self._arrays[parameter.name]
        _refuse_empty(f"parameter {parameter.name!r}", values)
        if parameter.kind != "integer":
            return values
        broken = np.flatnonzero(values != np.rint(values))
        if broken.size:
            row = int(broken[0])
            raise InvalidData(f"parameter {parameter.name!r}: row {row + 1} holds {values[row]:g}, which is not whole")
        return values.astype(np.int64)

    def _rows_by_settings(self) -> dict[tuple[Any, ...], int]:
        keys = list(zip(*(values.tolist() for values in self._settings.values()), strict=True))
        row_of = {key: row for row, key in enumerate(keys)}
        if len(row_of) < len(keys):
            last, first = next((row, row_of[key]) for row, key in enumerate(keys) if row_of[key] != row)
            same = ", ".join(f"{name} {value!r}" for name, value in zip(self._settings, keys[first], strict=True))
            raise InvalidData(
                f"rows {last + 1} and {first + 1} of the table have the same settings ({same}); average them, or make "
                "a parameter of the column that tells them apart"
            )
        return row_of

    def _allowed(self) -> NDArray[np.bool_]:
        allowed = np.ones(len(next(iter(self._settings.values()))), dtype=np.bool_)
        for parameter in self._parameters:
            values = self._settings[parameter.name]
            if parameter.numeric:
                low, high = parameter.bounds
                allowed &= (values >= low) & (values <= high)
            else:
                allowed &= np.isin(values, np.array(parameter.reachable_choices, dtype=values.dtype))
        return allowed


def _as_texts(labels: NDArray[Any]) -> NDArray[Any]:
    """Labels as people write them: the number 7, which columns hold as 7.0, is `7`."""
    whole = (int(label) if isinstance(label, float) and label.is_integer() else label for label in labels.tolist())
    return np.array([str(label) for label in whole], dtype=np.object_)


def _refuse_empty(what: str, values: NDArray[Any]) -> None:
    empty = np.isnan(values) if values.dtype.kind == "f" else np.array([value is None for value in values.tolist()])
    rows = np.flatnonzero(empty)
    if rows.size:
        raise InvalidData(f"{what}: row {rows[0] + 1} of its column is empty; fill it, or leave the row out")
