# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportArgumentType=false
"""A program, or a part of it with the rest held, as a model for CP-SAT.

CP-SAT: Perron, Didier & Gay (2023), "The CP-SAT-LP solver", CP 2023. It reckons in whole numbers: a row that is not
whole after multiplication by a power of ten up to 10,000 is rounded so that no roadmap is let in that breaks it.
"""

import time
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from ortools.sat.python import cp_model

from voicehive.planning.roadmap.amounts import whole_amounts
from voicehive.planning.roadmap.program import Columns, Program
from voicehive.planning.roadmap.values import Floats

_STEPS = 2**20
SEEDS = 2**31
Status: TypeAlias = Literal["optimal", "feasible", "infeasible", "unknown"]


class Found(NamedTuple):
    """What CP-SAT found; no roadmap of the model has a utility above `bound`."""

    status: Status
    chosen: Columns | None
    bound: float


@dataclass(frozen=True)
class Effort:
    """How long one solve may take: by the monotonic clock, and in CP-SAT's deterministic time where that is given.

    The objective counts in `steps` up to its greatest coefficient.
    """

    deadline: float
    seed: int
    deterministic: float | None = None
    steps: int = _STEPS


class WholeProgram:
    """A program in whole numbers, of which any part can be solved."""

    def __init__(self, program: Program) -> None:
        self._program = program
        rows = program.matrix.tocsr().copy()
        self._limits = np.zeros(rows.shape[0], dtype=np.int64)
        for row in range(rows.shape[0]):
            part = slice(rows.indptr[row], rows.indptr[row + 1])
            rows.data[part], self._limits[row] = whole_amounts(rows.data[part], float(program.limits[row]))
        self._rows = rows

    def solve(
        self,
        cuts: list[Floats],
        held: Columns,
        free: Columns,
        hint: Columns | None,
        effort: Effort,
        *,
        any_will_do: bool = False,
    ) -> Found:
        """Choose among the `free` columns while the `held` ones are in and all others out.

        Args:
            cuts: bounds (N,) on the mean of the worst samples.
            held: columns that are chosen.
            free: columns that may be.
            hint: columns to look at first, `held` ones included.
            effort: how long.
            any_will_do: whether the first roadmap is good enough.
        """
        part = _Part(cp_model.CpModel(), [], held, free)
        part.variables.extend(part.model.new_bool_var("") for _ in free)
        self._add_rows(part)
        unit = 1.0 if any_will_do else self._add_objective(part, cuts, effort.steps)
        if hint is not None:
            for variable, on in zip(part.variables, np.isin(free, hint).tolist(), strict=True):
                part.model.add_hint(variable, on)
        solver = _solver(effort)
        status = solver.solve(part.model)
        if status == cp_model.INFEASIBLE:
            return Found("infeasible", None, -np.inf)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Found("unknown", None, np.inf)
        on = np.array([solver.boolean_value(one) for one in part.variables], dtype=np.bool_)
        chosen = np.sort(np.concatenate([held, free[on]])).astype(np.intp)
        bound = np.inf if any_will_do else solver.best_objective_bound * unit
        return Found("optimal" if status == cp_model.OPTIMAL else "feasible", chosen, bound)

    def _add_rows(self, part: "_Part") -> None:
        rows = self._rows[:, part.free].tocsr()
        left = self._limits - np.asarray(self._rows[:, part.held].sum(axis=1)).astype(np.int64).ravel()
        for row in range(rows.shape[0]):
            span = slice(rows.indptr[row], rows.indptr[row + 1])
            weights = rows.data[span].astype(np.int64)
            if int(weights[weights > 0].sum()) > left[row]:
                part.model.add(part.sum_of(rows.indices[span], weights.tolist()) <= int(left[row]))

    def _add_objective(self, part: "_Part", cuts: list[Floats], steps: int) -> float:
        """Maximise the utility in whole steps, each rounded up, so that the solver's bound holds; returns the step."""
        program, weights = self._program, self._program.weights
        gains = weights.value * program.means - weights.cost * program.costs
        slopes = [weights.risk * cut for cut in cuts] if weights.risk else []
        greatest = max(float(np.abs(one).max(initial=0.0)) for one in (gains, *slopes))
        unit = max(greatest, weights.finish, 1e-12) / steps
        goal = part.total(gains / unit)
        if slopes:
            most = 2 * steps * (program.size + 1)
            mean = part.model.new_int_var(-most, most, "mean of the worst samples")
            for slope in slopes:
                part.model.add(mean <= part.total(slope / unit))
            if (bound := program.problem.bound("risk")) is not None:
                part.model.add(mean >= int(np.floor(-bound * weights.risk / unit)))
            goal += mean
        if weights.finish:
            goal -= int(np.floor(weights.finish / unit)) * self._finish(part)
        part.model.maximize(goal)
        return unit

    def _finish(self, part: "_Part") -> Any:
        ends, owners = self._program.finishes, self._program.owners[part.free]
        least = int(ends[part.held].max(initial=0))
        finish = part.model.new_int_var(least, max(least, self._program.problem.horizon.periods), "finish")
        for owner in np.unique(owners).tolist():
            places = np.flatnonzero(owners == owner)
            part.model.add(part.sum_of(places, ends[part.free[places]].tolist()) <= finish)
        return finish


class _Part(NamedTuple):
    """A model of the columns that are free, a variable each, while others are held."""

    model: Any
    variables: list[Any]
    held: Columns
    free: Columns

    def sum_of(self, places: Columns, weights: list[int]) -> Any:
        return cp_model.LinearExpr.weighted_sum([self.variables[place] for place in places], weights)

    def total(self, weights: Floats) -> Any:
        """Sum weights (N,) over all chosen columns, rounded up."""
        held = _up(weights[self.held].sum(keepdims=True))[0]
        return cp_model.LinearExpr.weighted_sum(self.variables, _up(weights[self.free])) + held


def _solver(effort: Effort) -> cp_model.CpSolver:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = effort.seed % SEEDS
    solver.parameters.linearization_level = 2
    solver.parameters.max_time_in_seconds = max(0.001, effort.deadline - time.monotonic())
    if effort.deterministic is not None:
        solver.parameters.max_deterministic_time = effort.deterministic
    return solver


def _up(values: Floats) -> list[int]:
    return np.ceil(values - 1e-9).astype(np.int64).tolist()
