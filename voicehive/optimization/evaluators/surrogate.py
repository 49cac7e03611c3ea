"""A surrogate learnt from observed history, described; `surrogate_evaluator` learns it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, ValidationError, model_validator

from voicehive.optimization.errors import InvalidData
from voicehive.optimization.evaluators.column import Column, kind_of_column
from voicehive.optimization.evaluators.description import EvaluatorDescription
from voicehive.optimization.evaluators.outcome_names import OutcomeNames
from voicehive.optimization.formulas.expression import kind_of
from voicehive.optimization.formulas.tree import Kind
from voicehive.optimization.parameter import Parameter

LEAST_ROWS = 5
"""With fewer complete rows nothing is learnt."""


class Surrogate(EvaluatorDescription):
    """Outcomes predicted from what was observed under other settings, by one Gaussian process an outcome.

    The history has a row for each observation, with a column for every parameter that may change and every one of
    `outcomes`; other columns are left alone. It stands in `columns`, or in `file`, a CSV or Parquet file. Rows with an
    empty cell are dropped. Learning takes time that grows with the cube of the rows, so that at most `maximum_rows` are
    used: the last ones (`keep` "latest": rows are in the order of time, and the world drifts), or those farthest from
    each other, starting from the last (`keep` "spread": the history repeats few settings often).

    Each outcome comes with `<outcome>.deviation`: the standard deviation of what would be observed next, in the
    outcome's unit, which holds both what the history leaves open and the noise of one observation. Constraints and
    objectives may name it. It tends to be too small where there are fewer than ten rows for each parameter.
    """

    kind: Literal["surrogate"]
    file: Annotated[str, Field(min_length=1)] | None = None
    columns: dict[Annotated[str, Field(min_length=1)], Column] = {}
    outcomes: OutcomeNames
    maximum_rows: Annotated[int, Field(ge=LEAST_ROWS, le=2_000)] = 300
    keep: Literal["latest", "spread"] = "latest"

    @model_validator(mode="after")
    def _consistent(self) -> "Surrogate":
        if bool(self.columns) == (self.file is not None):
            raise ValueError("give exactly one of columns (inline) and file (a CSV or Parquet file beside the request)")
        for name in self.outcomes:
            if deviation_of(name) in self.outcomes:
                raise ValueError(f"outcome {deviation_of(name)!r} is what the deviation of {name!r} is called; rename")
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns differ in length: {lengths}; give each a value a row, null where there is none")
        if self.has_data:
            for name in self.outcomes:
                self._check_column(f"outcome {name!r}", name, "number")
        return self

    @property
    def has_data(self) -> bool:
        """Whether the history has been read."""
        return self.file is None

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """The outcomes, and then their deviations."""
        return (*self.outcomes, *map(deviation_of, self.outcomes))

    def check_parameters(self, parameters: Sequence[Parameter]) -> None:
        """Check that the history tells of every parameter that may change, in values of its kind.

        Raises:
            ValueError: a parameter has no column, one of another type, or is an outcome.
        """
        super().check_parameters(parameters)
        for parameter in parameters:
            if parameter.name in self.outcome_names:
                raise ValueError(f"parameter {parameter.name!r} is also one of evaluator.outcomes; keep one")
            if self.has_data and (parameter.kind != "fixed" or parameter.name in self.columns):
                self._check_column(f"parameter {parameter.name!r}", parameter.name, kind_of(parameter))

    def with_data(self, base: Path) -> Self:
        """Return a copy with the history inline; itself where it is already.

        Raises:
            InvalidData: the file cannot be used.
        """
        if self.file is None:
            return self
        from voicehive.optimization.evaluators.column_arrays import column_of  # noqa: PLC0415 - numpy only when reading
        from voicehive.optimization.evaluators.column_file import read_columns  # noqa: PLC0415 - pyarrow only when reading

        path = base / self.file
        columns = {name: column_of(array) for name, array in read_columns(path).items()}
        try:
            return self.model_validate(dict(self) | {"file": None, "columns": columns})
        except ValidationError as error:
            raise InvalidData(f"{path}: {error.errors()[0]['msg']}") from None

    def structure(self) -> JsonValue:
        """The outcomes' names."""
        return {"kind": self.kind, "outcomes": list(self.outcomes)}

    def _check_column(self, what: str, name: str, wanted: Kind) -> None:
        if name not in self.columns:
            raise ValueError(f"{what}: the history has no such column; it has {list(self.columns)}")
        found = kind_of_column(self.columns[name])
        if found != wanted:
            raise ValueError(f"{what}: its column in the history must hold {wanted}s, not {found}s")


def deviation_of(outcome: str) -> str:
    """The name of an outcome's standard deviation."""
    return f"{outcome}.deviation"
