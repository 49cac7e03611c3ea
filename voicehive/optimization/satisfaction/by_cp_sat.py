"""Satisfies hard constraints by CP-SAT: solutions, or a minimal conflict and the cheapest relaxation."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.arrays import Floats
from voicehive.optimization.models import Constraint
from voicehive.optimization.parameter import Settings
from voicehive.optimization.result import Relaxation
from voicehive.optimization.satisfaction.conflict import minimal_conflict
from voicehive.optimization.satisfaction.cp_sat_model import Answer, CpSatModel
from voicehive.optimization.satisfaction.dependence import Dependences, Part
from voicehive.optimization.satisfaction.discrete_conditions import (
    Conditions,
    LinearCondition,
    LinearCost,
    Table,
    TooLarge,
)
from voicehive.optimization.satisfaction.discrete_problem import Candidates, Positions, Satisfaction, Status
from voicehive.optimization.satisfaction.relaxation import relaxations

if TYPE_CHECKING:
    from voicehive.optimization.evaluators.description import Columns

NAME = "CP-SAT"

Prepared: TypeAlias = tuple[LinearCondition | Table, ...]


class _Charge(NamedTuple):
    """What a soft constraint costs, in weighted objectives, for each unit of its own."""

    parts: Prepared
    price: float


class _Objectives(NamedTuple):
    """The weighted objectives as costs with their factors, and the charges of soft constraints."""

    costs: tuple[tuple[LinearCost | Table, float], ...]
    charges: tuple[_Charge, ...]


def satisfy_by_cp_sat(
    candidates: Candidates, deadline: float, seed: int, wanted: int, tabulated_cells: int
) -> Satisfaction:
    """Model the hard constraints, and the objectives if they can be, and answer; see `satisfaction.satisfy`."""
    dependences = Dependences(candidates.problem)
    conditions = Conditions(candidates, dependences, tabulated_cells)
    prepared: list[Prepared] = []
    for constraint in candidates.problem.hard_constraints:
        if time.monotonic() > deadline or candidates.stopped():
            return Satisfaction(
                "unknown", "the time ended before all constraints were modelled", evaluations=candidates.evaluations
            )
        try:
            prepared.append(_hard(conditions, dependences.parts(constraint)))
        except TooLarge as error:
            reason = f"constraint {constraint.label!r} {error}"
            return Satisfaction("not_modelled", f"not by CP-SAT: {reason}", evaluations=candidates.evaluations)
    return _Solver(candidates, dependences, conditions, tuple(prepared), deadline=deadline, seed=seed).answer(wanted)


class _Solver:
    """Asks CP-SAT, and judges what it answers."""

    def __init__(
        self,
        candidates: Candidates,
        dependences: Dependences,
        conditions: Conditions,
        constraints: tuple[Prepared, ...],
        *,
        deadline: float,
        seed: int,
    ) -> None:
        self._candidates = candidates
        self._dependences = dependences
        self._conditions = conditions
        self._constraints = constraints
        self._deadline = deadline
        self._seed = seed
        self._all = range(len(constraints))
        hard = candidates.problem.hard_constraints
        self._scopes = [frozenset(name for part in dependences.parts(c) for name in part.scope) for c in hard]

    def answer(self, wanted: int) -> Satisfaction:
        """Find solutions, or say why there are none."""
        model = self._model()
        for number in self._all:
            self._enforce(model, number, number)
        found = self._ask(model, self._deadline, self._all, switched=True)
        if found.positions is not None:
            return self._solutions(found.positions, wanted)
        if found.status == "infeasible":
            return self._infeasible(model, found.core)
        return self._result("unknown", "CP-SAT found no solution and no proof that there is none in time")

    def _solutions(self, first: Positions, wanted: int) -> Satisfaction:
        model = self._model()
        for number in self._all:
            self._enforce(model, number)
        model.hint(first)
        try:
            objectives = _objectives(self._candidates, self._dependences, self._conditions)
        except TooLarge as error:
            best, status, gap, reason = first, "feasible", None, f"feasible, but not optimised: {error}"
        else:
            answer = self._optimised(model, objectives)
            best = first if answer.positions is None else answer.positions
            status = "optimal" if answer.status == "optimal" else "feasible"
            gap = self._gap(answer)
            reason = "the least weighted sum, proven by CP-SAT" if status == "optimal" else "feasible; the time ended"
        picked = self._diverse(model, best, wanted)
        return self._result(status, reason, self._candidates.settings(np.stack(picked)), gap)

    def _optimised(self, model: CpSatModel, objectives: _Objectives) -> Answer:
        for cost, factor in objectives.costs:
            model.add_cost(cost, factor)
        for charge in objectives.charges:
            model.charge(charge.parts, charge.price)
        return self._ask(model, self._share(0.7), self._all)

    def _gap(self, answer: Answer) -> float | None:
        if answer.status not in ("optimal", "feasible"):
            return None
        weights = sum(objective.weight for objective in self._candidates.problem.objectives)
        return 0.0 if answer.status == "optimal" else max(0.0, answer.cost - answer.bound) / weights

    def _diverse(self, model: CpSatModel, best: Positions, wanted: int) -> list[Positions]:
        picked = [best]
        while len(picked) < wanted:
            model.move_away(picked[-1])
            answer = self._ask(model, self._share(1.0 / (wanted - len(picked))), self._all)
            if answer.positions is None:
                break
            picked.append(answer.positions)
        return picked

    def _infeasible(self, model: CpSatModel, core: tuple[int, ...]) -> Satisfaction:
        deadline = self._share(0.5)

        def satisfiable(chosen: frozenset[int]) -> bool:
            asked = [core[number] for number in chosen]
            return self._ask(model, deadline, asked, switched=True).status != "infeasible"

        chosen = [core[number] for number in minimal_conflict(len(core), satisfiable)]
        if not chosen:
            return self._result("unknown", "no candidate came to finite numbers")
        relaxed = self._relaxed(self._candidates.relaxable)
        reason = "CP-SAT proved that no candidate is feasible"
        if relaxed.status == "feasible":
            reason += "; there may be a cheaper relaxation, the time ended"
        elif relaxed.status == "infeasible":
            reason += "; what is there for safety cannot be met whatever else gives way"
        elif relaxed.status == "unknown":
            reason += "; the time ended before a relaxation was found"
        conflict = self._candidates.conflict(chosen, relaxed.positions, self._alone(chosen))
        return Satisfaction("infeasible", reason, (), None, conflict, self._candidates.evaluations, NAME)

    def _alone(self, conflict: Sequence[int]) -> tuple[Relaxation, ...]:
        """What of a conflict suffices if it alone gives way, and by how much; as far as there is time."""
        found: list[Relaxation] = []
        for number in conflict:
            if not self._candidates.relaxable[number]:
                continue
            answer = self._relaxed(np.arange(len(self._constraints)) == number)
            if answer.status == "optimal" and answer.positions is not None:
                row = self._candidates.assess(answer.positions[None, :]).population
                found += relaxations(self._candidates.evaluation, row)
        return tuple(found)

    def _relaxed(self, relaxable: NDArray[np.bool_]) -> Answer:
        """Minimise the sum of relative excesses of what is relaxable (C,), with every other constraint kept."""
        model = self._model()
        kept = [number for number in self._all if not relaxable[number]]
        for number in self._all:
            if number in kept:
                self._enforce(model, number)
            else:
                model.charge(self._constraints[number], 1.0)
        return self._ask(model, self._deadline, kept)

    def _ask(self, model: CpSatModel, deadline: float, enforced: Collection[int], *, switched: bool = False) -> Answer:
        """Ask until the answer stands up to the constraints themselves; what does not is forbidden, and asked again."""
        while True:
            if not self._candidates.room or self._candidates.stopped():
                return Answer("unknown")
            answer = model.solve(deadline, self._seed, enforced if switched else (), self._candidates.stopped)
            if answer.positions is None:
                return answer
            judged = self._candidates.assess(answer.positions[None, :])
            if not judged.known.all():
                self._forbid_unknown(model, answer.positions)
                continue
            excesses = judged.population.excesses[0]
            broken = [number for number in enforced if not excesses[number] <= 0.0]
            if not broken:
                return answer
            for number in broken:
                model.forbid(answer.positions, self._scopes[number], number if switched else None)

    def _forbid_unknown(self, model: CpSatModel, positions: Positions) -> None:
        """Forbid what a candidate that does not come to numbers has in common with others that do not either."""
        excesses, outcomes = self._candidates.unknown(positions)
        scopes = [self._scopes[number] for number in excesses]
        scopes += [frozenset(self._dependences.outcome(name).scope) for name in outcomes]
        for scope in scopes or [frozenset(self._candidates.names)]:
            model.forbid(positions, scope)

    def _model(self) -> CpSatModel:
        cells = dict(zip(self._candidates.names, self._candidates.cells.tolist(), strict=True))
        return CpSatModel(cells, switches=len(self._constraints))

    def _enforce(self, model: CpSatModel, number: int, switch: int | None = None) -> None:
        for condition in self._constraints[number]:
            model.enforce(condition, switch)

    def _share(self, share: float) -> float:
        now = time.monotonic()
        return now + share * max(0.0, self._deadline - now)

    def _result(
        self, status: Status, reason: str, solutions: tuple[Settings, ...] = (), gap: float | None = None
    ) -> Satisfaction:
        return Satisfaction(status, reason, solutions, gap, None, self._candidates.evaluations, NAME)


def _hard(conditions: Conditions, parts: tuple[Part, ...]) -> Prepared:
    return tuple(conditions.condition(part, part.expression.excess) for part in parts)


def _soft(conditions: Conditions, parts: tuple[Part, ...]) -> Prepared:
    if len(parts) == 1:
        return (conditions.condition(parts[0], _lack(parts[0])),)
    return _hard(conditions, parts)


def _lack(part: Part) -> "Callable[[Columns], Floats]":
    return lambda columns: -part.expression.slack(columns)


def _objectives(candidates: Candidates, dependences: Dependences, conditions: Conditions) -> _Objectives:
    """Prepare the weighted objectives.

    Raises:
        TooLarge: one of them, or a soft constraint, can be neither linear nor tabulated.
    """
    costs: list[tuple[LinearCost | Table, float]] = []
    factors: dict[str, float] = {}
    for objective in candidates.problem.objectives:
        try:
            cost, extent = conditions.cost(objective.name, sign=objective.sign)
        except TooLarge as error:
            raise TooLarge(f"objective {objective.name!r} {error}") from None
        factors[objective.name] = objective.weight / (extent or 1.0)
        costs.append((cost, factors[objective.name]))
    charges = tuple(_charge(conditions, dependences, c, factors) for c in candidates.problem.soft_constraints)
    return _Objectives(tuple(costs), charges)


def _charge(
    conditions: Conditions, dependences: Dependences, constraint: Constraint, factors: dict[str, float]
) -> _Charge:
    try:
        parts = _soft(conditions, dependences.parts(constraint))
    except TooLarge as error:
        raise TooLarge(f"constraint {constraint.label!r} {error}") from None
    return _Charge(parts, (constraint.price or 0.0) * factors[constraint.charged_to])
