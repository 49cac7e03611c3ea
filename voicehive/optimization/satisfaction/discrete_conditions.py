"""Conditions and costs over what can be counted: as rows of whole numbers where linear, else as tables."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from voicehive.optimization.arrays import Floats
from voicehive.optimization.satisfaction.dependence import Dependences, Part, Relation
from voicehive.optimization.satisfaction.discrete_problem import Candidates, Positions, grid
from voicehive.optimization.satisfaction.linear_row import IntegerRow, integer_row

if TYPE_CHECKING:
    from voicehive.optimization.evaluators.description import Columns

Shortfall: TypeAlias = "Callable[[Columns], Floats]"
"""How far candidates, as columns of parameters and outcomes, are from what is wanted: at most 0 where all is well."""


class TooLarge(Exception):
    """A condition is neither linear nor over few enough combinations to be tabulated."""


class LinearCondition(NamedTuple):
    """A row in `relation` to 0. Where it does not hold, each unit of the row beyond 0 is a shortfall of `unit`."""

    row: IntegerRow
    relation: Relation
    greatest: int
    unit: float


class Table(NamedTuple):
    """A value (N,) for each combination of positions (N, K) of the parameters in `scope`, K names; NaN: undefined."""

    scope: tuple[str, ...]
    positions: Positions
    values: Floats


class LinearCost(NamedTuple):
    """A cost for each position that a parameter is away from its first value."""

    weights: dict[str, float]


class Conditions:
    """Prepares a problem's conditions and costs for a solver.

    Args:
        candidates: of the problem.
        tabulated_cells: the most combinations that a table may have.
    """

    def __init__(self, candidates: Candidates, dependences: Dependences, tabulated_cells: int) -> None:
        parameters = candidates.problem.parameters
        self._candidates = candidates
        self._dependences = dependences
        self._tabulated_cells = tabulated_cells
        self._places = {parameter.name: place for place, parameter in enumerate(parameters)}
        self._offsets = {p.name: int(p.bounds[0]) if p.numeric else 0 for p in parameters}
        self._highs = {name: int(candidates.cells[place]) - 1 for name, place in self._places.items()}

    def condition(self, part: Part, shortfall: Shortfall) -> LinearCondition | Table:
        """Prepare a part of a constraint.

        Raises:
            TooLarge: it can be neither a row nor a table.
        """
        if part.form is None:
            return self._table(part.scope, part.expression.names, shortfall)
        row = integer_row(part.form.shifted(self._offsets), self._highs)
        corners = [row.corner(self._highs, greatest=greatest) for greatest in (True, False)]
        if part.relation != "==":
            corners = corners[:1]
        point, value = max(corners, key=lambda corner: abs(corner[1]) if part.relation == "==" else corner[1])
        greatest = abs(value) if part.relation == "==" else value
        # The scale of a shortfall is the constraint's own affair: it is read off where it is the largest.
        missing = self._at(point, part.expression.names, shortfall) if greatest > row.slop else 0.0
        return LinearCondition(row, part.relation, greatest, missing / greatest if missing > 0.0 else 0.0)

    def cost(self, objective: str, *, sign: float) -> tuple[LinearCost | Table, float]:
        """Prepare an outcome as a cost, and return with it the extent between its least and its greatest value.

        Raises:
            TooLarge: it can be neither linear nor a table.
        """
        scope, form = self._dependences.outcome(objective)
        if form is None:
            table = self._table(scope, (objective,), lambda columns: sign * columns[objective])
            known = table.values[np.isfinite(table.values)]
            return table, float(np.ptp(known)) if len(known) else 0.0
        least, greatest = form.shifted(self._offsets).range(self._highs)
        return LinearCost({name: sign * float(c) for name, c in form.coefficients.items()}), float(greatest - least)

    def _table(self, scope: tuple[str, ...], names: tuple[str, ...], shortfall: Shortfall) -> Table:
        cells = [self._highs[name] + 1 for name in scope]
        size = float(np.prod(np.array(cells, dtype=np.float64)))
        computed = not set(names) <= self._places.keys()
        most = min(self._tabulated_cells, self._candidates.room) if computed else self._tabulated_cells
        if size > most:
            raise TooLarge(
                f"is not linear and depends on {size:,.0f} combinations of {_listed(scope)}, "
                f"more than the {most:,} that are tabulated"
            )
        combinations = grid(np.array(cells, dtype=np.int64))
        positions = np.zeros((len(combinations), len(self._places)), dtype=np.int64)
        positions[:, [self._places[name] for name in scope]] = combinations
        return Table(scope, combinations, shortfall(self._columns(positions, names)))

    def _at(self, point: dict[str, int], names: tuple[str, ...], shortfall: Shortfall) -> float:
        positions = np.array([[point.get(name, 0) for name in self._places]], dtype=np.int64)
        return float(shortfall(self._columns(positions, names))[0])

    def _columns(self, positions: Positions, names: tuple[str, ...]) -> "Columns":
        columns = self._candidates.columns(positions)
        return columns if set(names) <= set(columns) else {**columns, **self._candidates.outcomes(columns)}


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(repr(name) for name in names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"
