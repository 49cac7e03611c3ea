"""Measured candidates, described; `table_evaluator` ranks and looks them up."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from voicehive.optimization.errors import InvalidData
from voicehive.optimization.evaluators.column import Column, kind_of_column
from voicehive.optimization.evaluators.description import EvaluatorDescription
from voicehive.optimization.formulas.expression import kind_of
from voicehive.optimization.parameter import Parameter

ROW = "row"
"""What a row's number, from 1, is called where a table has neither parameters nor labels."""


class Table(EvaluatorDescription):
    """Candidates that have been measured: nothing is searched, they are only ranked.

    A row is a candidate, in `columns` or in `file`, a CSV or Parquet file. Its settings are the columns of the
    problem's parameters, which no two rows may share; in a problem without parameters the `label` column (or else the
    row's number) names it. Every column of numbers is an outcome, except the label. Cells may be empty: what was not
    measured.
    """

    kind: Literal["table"]
    file: Annotated[str, Field(min_length=1)] | None = None
    columns: dict[Annotated[str, Field(min_length=1)], Column] = {}
    label: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Table":
        if bool(self.columns) == (self.file is not None):
            raise ValueError("give exactly one of columns (inline) and file (a CSV or Parquet file beside the request)")
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns differ in length: {lengths}; give each a value a row, null where not measured")
        if self.columns and not self.rows:
            raise ValueError("columns hold no rows; add one for each measured candidate")
        if self.columns and self.label is not None and self.label not in self.columns:
            raise ValueError(f"label {self.label!r} is not a column; there are {list(self.columns)}")
        return self

    @property
    def has_data(self) -> bool:
        """Whether the rows are inline."""
        return self.file is None

    @property
    def rows(self) -> int:
        """How many candidates it holds."""
        return len(next(iter(self.columns.values()), ()))

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """The columns of numbers but the label, in their order; none until the file has been read."""
        columns = self.columns.items()
        return tuple(name for name, column in columns if name != self.label and kind_of_column(column) == "number")

    def check_parameters(self, parameters: Sequence[Parameter]) -> None:
        """Check that every parameter that may change has a column of its kind; there may be no parameters at all.

        Raises:
            ValueError: a parameter has no column, or one of another kind.
        """
        for parameter in parameters:
            column = self.columns.get(parameter.name)
            if column is None:
                if self.has_data and parameter.kind != "fixed":
                    raise ValueError(f"parameter {parameter.name!r} is not a column; there are {list(self.columns)}")
                continue
            found, wanted = kind_of_column(column), kind_of(parameter)
            if found != wanted:
                raise ValueError(
                    f"parameter {parameter.name!r} is {parameter.kind}: its column must hold {wanted}s, not {found}s"
                )

    def with_data(self, base: Path) -> Self:
        """Return a copy with the rows inline; itself where they are already.

        Raises:
            InvalidData: the file cannot be used.
        """
        if self.file is None:
            return self
        from voicehive.optimization.evaluators.column_arrays import column_of  # noqa: PLC0415 - numpy only when reading
        from voicehive.optimization.evaluators.column_file import read_columns  # noqa: PLC0415 - pyarrow only when reading

        path = base / self.file
        arrays = read_columns(path, () if self.label is None else (self.label,))
        if self.label is not None and self.label not in arrays:
            raise InvalidData(f"{path}: has no column {self.label!r} for label; it has {list(arrays)}")
        columns = {name: column_of(array) for name, array in arrays.items()}
        return self.model_validate(dict(self) | {"file": None, "columns": columns})

    def structure(self) -> JsonValue:
        """The columns' names."""
        return {"kind": self.kind, "columns": [*sorted(self.columns)], "label": self.label}
