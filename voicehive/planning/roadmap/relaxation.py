# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportArgumentType=false
"""Why no roadmap holds all that is required, and the smallest change that makes one possible."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from voicehive.optimization.result import Relaxation
from voicehive.planning.roadmap.errors import InfeasibleRoadmap
from voicehive.planning.roadmap.problem import RoadmapProblem
from voicehive.planning.roadmap.program import Program

_KINDS: tuple[tuple[str, ...], ...] = (("budget",), ("capacity",), ("objective",), ("budget", "capacity", "objective"))
_NEGLIGIBLE = 1e-6
Relaxations: TypeAlias = tuple[Relaxation, ...]


def infeasible(program: Program, seconds: float) -> InfeasibleRoadmap:
    """Make the error that says which limits, if they alone gave way, would make a roadmap possible, and by how much.

    The budgets are tried first, then the capacities, then bounds on objectives, then all: the least sum of increases,
    each relative to its limit, by HiGHS's branch and bound.
    """
    for kinds in _KINDS:
        found = _least_increases(program, kinds, seconds / len(_KINDS))
        if found:
            words = "; ".join(
                f"{one.constraint} from {one.to - one.by:g} to {one.to:g}" for one in found if one.to is not None
            )
            required = ", ".join(sorted(program.problem.counting[place].id for place in program.wanted))
            return InfeasibleRoadmap(
                found[0].constraint, f"what is needed ({required}) does not fit", f"raise {words}", found
            )
    return InfeasibleRoadmap(
        "initiatives",
        "what is required cannot be scheduled together, whatever budgets and capacities are",
        "make the horizon longer, move latest, take an initiative out of its groups, or loosen the bound on risk",
    )


def _least_increases(program: Program, kinds: Sequence[str], seconds: float) -> Relaxations:
    rows = np.flatnonzero([label.startswith(tuple(kinds)) for label in program.labels])
    if not len(rows):
        return ()
    columns = np.flatnonzero(np.isin(program.owners, sorted(program.wanted)))
    if any(label.startswith("objective value") for label in program.labels):
        columns = np.arange(program.size)
    slacks = sparse.csr_array(
        (-np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=(len(program.limits), len(rows))
    )
    answer = milp(
        np.r_[np.full(len(columns), 1e-9), 1.0 / np.maximum(np.abs(program.limits[rows]), 1.0)],
        constraints=LinearConstraint(sparse.hstack([program.matrix[:, columns], slacks]), -np.inf, program.limits),
        integrality=np.r_[np.ones(len(columns)), np.zeros(len(rows))],
        bounds=Bounds(0.0, np.r_[np.ones(len(columns)), np.full(len(rows), np.inf)]),
        options={"time_limit": max(0.1, seconds)},
    )
    if answer.x is None:
        return ()
    amounts = answer.x[len(columns) :]
    return tuple(
        _relaxation(program.problem, program.labels[row], float(program.limits[row]), float(amount))
        for row, amount in zip(rows.tolist(), amounts.tolist(), strict=True)
        if amount > _NEGLIGIBLE
    )


def _relaxation(problem: RoadmapProblem, label: str, limit: float, by: float) -> Relaxation:
    amount = round(by, 9)
    kind, *rest = label.split(" ")
    if kind == "objective" and rest[0] == "value":
        return Relaxation(constraint="objectives (value): at_least", by=amount, to=-limit - amount)
    name = f"objectives ({rest[0]}): at_most"
    if kind != "objective":
        name = f"budgets[{rest[0]}]" if kind == "budget" else f"capacities.{rest[0]}[{rest[1]}]"
        name += f" (from {problem.horizon.date_of(int(rest[-1]))})"
    return Relaxation(constraint=name, by=amount, to=limit + amount, unit="people" if kind == "capacity" else "")
