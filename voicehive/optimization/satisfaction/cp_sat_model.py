# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportArgumentType=false, reportUnknownParameterType=false
"""Settings of what can be counted, as a model for CP-SAT. The only module that loads ortools.

CP-SAT is the constraint solver of OR-Tools (Perron, Didier & Gay 2023, "The CP-SAT-LP solver", CP 2023).
"""

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Literal, NamedTuple

import numpy as np
from ortools.sat.python import cp_model

from voicehive.optimization.satisfaction.discrete_conditions import LinearCondition, LinearCost, Table
from voicehive.optimization.satisfaction.discrete_problem import Positions, never

_LEVELS = 2**20
_FINE = 2**40
_PRESOLVED_ROWS = 2_000
_SEEDS = 2**31
_STOP_SECONDS = 0.05


class _Term(NamedTuple):
    """A variable from 0 to `most`, and what each unit of it stands for."""

    variable: cp_model.IntVar
    unit: float
    most: int


class Answer(NamedTuple):
    """What the solver found: positions (P,) unless `infeasible` or `unknown`; costs, and the least they can be.

    `core` are numbers of switches that cannot all be on, where that was asked and is so.
    """

    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    positions: Positions | None = None
    cost: float = 0.0
    bound: float = 0.0
    core: tuple[int, ...] = ()


class CpSatModel:
    """One variable for each parameter: the position of its value among those it can reach, from 0.

    Rows may let in points on the very edge that rounding puts outside: judge every answer by the constraints
    themselves and `forbid` what fails. No point where the conditions hold is ever lost.

    Args:
        cells: how many values each parameter can reach.
        switches: how many conditions there are that can be switched on and off.
    """

    def __init__(self, cells: Mapping[str, int], switches: int = 0) -> None:
        self._model = cp_model.CpModel()
        self._variables = {name: self._model.new_int_var(0, count - 1, name) for name, count in cells.items()}
        self._switches = [self._model.new_bool_var(f"switch {number}") for number in range(switches)]
        self._costs: list[tuple[cp_model.IntVar, float]] = []
        self._distance: cp_model.IntVar | None = None
        self._presolve = True

    def enforce(self, condition: LinearCondition | Table, switch: int | None = None) -> None:
        """Demand that a condition holds, always or while a switch is on."""
        if isinstance(condition, LinearCondition):
            self._enforce_row(condition, switch)
            return
        self._forbid_undefined(condition)
        holds = (condition.values <= 0.0) | ~np.isfinite(condition.values)
        variables = [self._variables[name] for name in condition.scope]
        if holds.all():
            return
        if not holds.any():
            self._when(self._model.add_bool_or([]), switch)
        elif 2 * int(holds.sum()) <= len(holds):
            self._when(self._model.add_allowed_assignments(variables, condition.positions[holds]), switch)
        else:
            self._when(self._model.add_forbidden_assignments(variables, condition.positions[~holds]), switch)

    def charge(self, conditions: Sequence[LinearCondition | Table], price: float) -> None:
        """Add to the costs the price of each unit by which the one of these conditions falls short that does most."""
        terms = [term for term in map(self._shortfall, conditions) if term is not None]
        if terms:
            worst = terms[0] if len(terms) == 1 else self._largest(terms)
            self._costs.append((worst.variable, price * worst.unit))

    def add_cost(self, cost: LinearCost | Table, factor: float) -> None:
        """Add a cost times a factor; a combination without a finite cost is forbidden."""
        if isinstance(cost, LinearCost):
            self._costs += [(self._variables[name], factor * weight) for name, weight in cost.weights.items()]
            return
        known = cost.values[np.isfinite(cost.values)]
        least = float(known.min()) if len(known) else 0.0
        level = self._levels(cost._replace(values=cost.values - least))
        self._costs.append((level.variable, factor * level.unit))

    def forbid(self, positions: Positions, scope: Collection[str], switch: int | None = None) -> None:
        """Exclude every point that agrees with positions (P,) in the parameters of the scope."""
        point = dict(zip(self._variables, positions.tolist(), strict=True))
        names = [name for name in self._variables if name in scope]
        if not names:
            self._when(self._model.add_bool_or([]), switch)
            return
        one = [[point[name] for name in names]]
        self._when(self._model.add_forbidden_assignments([self._variables[name] for name in names], one), switch)

    def move_away(self, positions: Positions) -> None:
        """Seek, instead of the least cost, what differs from these positions, and all given before, in the most."""
        if self._distance is None:
            self._costs = []
            self._distance = self._model.new_int_var(1, max(1, len(self._variables)), "distance")
            self._costs.append((self._distance, -1.0))
        differs: list[cp_model.IntVar] = []
        for (name, variable), position in zip(self._variables.items(), positions.tolist(), strict=True):
            differs.append(self._model.new_bool_var(f"{name} differs"))
            self._model.add(variable != position).only_enforce_if(differs[-1])
        self._model.add(self._distance <= sum(differs))

    def hint(self, positions: Positions) -> None:
        """Suggest where to look first."""
        self._model.clear_hints()
        for variable, position in zip(self._variables.values(), positions.tolist(), strict=True):
            self._model.add_hint(variable, position)

    def solve(
        self, deadline: float, seed: int, on: Collection[int] = (), stopped: Callable[[], bool] = never
    ) -> Answer:
        """Find positions with all conditions that are always demanded or switched on, at the least cost.

        One worker and a fixed seed: equal models give equal answers unless the deadline, on the monotonic clock, cuts
        the search short, or `stopped` comes true. Switches are for models without costs.
        """
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.cp_model_presolve = self._presolve
        solver.parameters.random_seed = seed % _SEEDS
        solver.parameters.max_time_in_seconds = max(0.001, deadline - time.monotonic())
        self._model.clear_assumptions()
        self._model.add_assumptions([self._switches[number] for number in sorted(on)])
        if self._costs:
            variables, weights = zip(*self._costs, strict=True)
            self._model.minimize(cp_model.LinearExpr.weighted_sum(variables, weights))
        return self._answer(solver, self._solved(solver, stopped))

    def _solved(self, solver: cp_model.CpSolver, stopped: Callable[[], bool]) -> object:
        """Solve in a thread of its own: this one can be interrupted meanwhile, and asks whether to stop."""
        solver.parameters.catch_sigint_signal = False
        with ThreadPoolExecutor(1) as thread:
            solving = thread.submit(solver.solve, self._model)
            while not wait([solving], timeout=_STOP_SECONDS).done:
                if stopped():
                    solver.stop_search()
        return solving.result()

    def _answer(self, solver: cp_model.CpSolver, status: object) -> Answer:
        if status == cp_model.INFEASIBLE:
            core = set(solver.sufficient_assumptions_for_infeasibility())
            return Answer(
                "infeasible", core=tuple(n for n, switch in enumerate(self._switches) if switch.index in core)
            )
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Answer("unknown")
        positions = np.array([solver.value(variable) for variable in self._variables.values()], dtype=np.int64)
        named = "optimal" if status == cp_model.OPTIMAL else "feasible"
        return Answer(named, positions, solver.objective_value, solver.best_objective_bound)

    def _forbid_undefined(self, table: Table) -> None:
        undefined = ~np.isfinite(table.values)
        if undefined.any() and table.scope:
            variables = [self._variables[name] for name in table.scope]
            self._model.add_forbidden_assignments(variables, table.positions[undefined])

    def _enforce_row(self, condition: LinearCondition, switch: int | None) -> None:
        row = condition.row
        if condition.relation == "==":
            self._when(self._model.add_linear_constraint(self._value(condition), -row.slop, row.slop), switch)
        else:
            # Between whole numbers "below 0" is "at most -1", as long as the row is exact.
            most = -1 if condition.relation == "<" and row.slop == 0 else row.slop
            self._when(self._model.add(self._value(condition) <= most), switch)

    def _value(self, condition: LinearCondition) -> cp_model.LinearExpr:
        row = condition.row
        terms = [self._variables[name] for name in row.coefficients]
        return cp_model.LinearExpr.weighted_sum(terms, list(row.coefficients.values())) + row.constant

    def _shortfall(self, condition: LinearCondition | Table) -> _Term | None:
        if isinstance(condition, Table):
            if (condition.values <= 0.0).all():
                return None
            return self._levels(condition._replace(values=np.maximum(condition.values, 0.0)))
        if condition.unit == 0.0:
            return None
        variable = self._model.new_int_var(0, condition.greatest, "shortfall")
        value, slop = self._value(condition), condition.row.slop
        self._model.add(variable >= value - slop)
        if condition.relation == "==":
            self._model.add(variable >= -value - slop)
        return _Term(variable, condition.unit, condition.greatest)

    def _levels(self, table: Table) -> _Term:
        """Make a variable that is the table's value, from 0 up, in steps of a 2^20th of the greatest one."""
        known = np.isfinite(table.values)
        greatest = float(table.values[known].max()) if known.any() else 0.0
        step = greatest / _LEVELS or 1.0
        levels = np.ceil(table.values[known] / step).astype(np.int64)
        domain = cp_model.Domain.from_values(np.unique(levels).tolist())
        variable = self._model.new_int_var_from_domain(domain, "level")
        scope = [self._variables[name] for name in table.scope]
        rows = np.column_stack([table.positions[known], levels])
        # Presolving large tables of costs takes minutes, whatever the time limit.
        self._presolve &= len(rows) <= _PRESOLVED_ROWS
        self._model.add_allowed_assignments([*scope, variable], rows)
        return _Term(variable, step, _LEVELS)

    def _largest(self, terms: Sequence[_Term]) -> _Term:
        """Make a variable that is at least each of these costs, in steps of a 2^20th of the greatest one."""
        step = max(term.unit * term.most for term in terms) / _LEVELS
        largest = self._model.new_int_var(0, _LEVELS, "largest")
        for term in terms:
            # No coefficient times its variable's most passes 2^60: the solver adds 64-bit numbers.
            self._model.add(largest * _FINE >= math.floor(term.unit / step * _FINE) * term.variable)
        return _Term(largest, step, _LEVELS)

    def _when(self, constraint: cp_model.Constraint, switch: int | None) -> None:
        if switch is not None:
            constraint.only_enforce_if(self._switches[switch])
