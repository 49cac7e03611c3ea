# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportArgumentType=false, reportCallIssue=false
"""The linear relaxation of a program with cuts for the worst samples, by HiGHS: a bound, and where to look.

HiGHS: Huangfu & Hall (2018), "Parallelizing the dual revised simplex method", by SciPy.
"""

import time
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from voicehive.planning.roadmap.program import Columns, Program
from voicehive.planning.roadmap.tail import worst
from voicehive.planning.roadmap.values import Floats

_TOLERANCE = 1e-4
_MOST_ROUNDS = 40


class Relaxed(NamedTuple):
    """No roadmap has a utility above `bound`; `shares` (N,) of columns reach it; `reduced` (N,) is what a column loses.

    `cuts` hold for every roadmap: the mean of its worst samples is at most cut @ x.
    """

    bound: float
    shares: Floats
    reduced: Floats
    cuts: list[Floats]


class Integral(NamedTuple):
    """What a branch and bound found, if anything, and the bound it proved."""

    bound: float
    chosen: Columns | None


def relax(program: Program, deadline: float) -> Relaxed | None:
    """Solve the relaxation, adding cuts until they bind or the clock passes the deadline; None if unsolved."""
    cuts = [program.means]
    best: Relaxed | None = None
    for _ in range(_MOST_ROUNDS):
        left = deadline - time.monotonic()
        if left <= 0.0 and best is not None:
            break
        problem = _linear(program, cuts)
        answer = linprog(
            problem.costs, problem.matrix, problem.limits, bounds=np.column_stack([problem.low, problem.high]),
            method="highs", options={"time_limit": max(0.1, left)},
        )  # fmt: skip
        if answer.status != 0:
            break
        shares = np.asarray(answer.x[: program.size])
        reduced = np.asarray(answer.lower.marginals[: program.size])
        best = Relaxed(-float(answer.fun), shares, reduced, cuts)
        totals = program.values @ shares
        rows = worst(totals, program.tail)
        if program.weights.risk * (float(answer.x[-1]) - float(totals[rows].mean())) <= _TOLERANCE * abs(best.bound):
            break
        cuts.append(program.values[rows].mean(axis=0))
    return best


def branch(program: Program, cuts: list[Floats], seconds: float) -> Integral:
    """Let HiGHS branch and bound over the program with these cuts for so long."""
    problem = _linear(program, cuts)
    answer = milp(
        problem.costs,
        constraints=LinearConstraint(problem.matrix, -np.inf, problem.limits),
        integrality=np.r_[np.ones(program.size), 0, 0],
        bounds=Bounds(problem.low, problem.high),
        options={"time_limit": max(0.1, seconds), "mip_rel_gap": 1e-6},
    )
    bound = np.inf if answer.mip_dual_bound is None else -float(answer.mip_dual_bound)
    chosen = None if answer.x is None else np.flatnonzero(answer.x[: program.size] > 0.5)
    return Integral(bound, chosen)


class _Linear(NamedTuple):
    """Minimise costs @ y with matrix @ y <= limits, y = (columns, finish, mean of the worst samples)."""

    costs: Floats
    matrix: Any
    limits: Floats
    low: Floats
    high: Floats


def _linear(program: Program, cuts: list[Floats]) -> _Linear:
    weights, size = program.weights, program.size
    count = len(program.problem.counting)
    ends = sparse.csr_array((program.finishes.astype(float), (program.owners, np.arange(size))), shape=(count, size))
    blocks = [
        [program.matrix, sparse.csr_array((len(program.limits), 2))],
        [ends, sparse.csr_array(np.tile([-1.0, 0.0], (count, 1)))],
        [sparse.csr_array(-np.array(cuts)), sparse.csr_array(np.tile([0.0, 1.0], (len(cuts), 1)))],
    ]
    greatest = float(np.abs(program.values).sum(axis=1).max(initial=0.0)) + 1.0
    least = -greatest if (most := program.problem.bound("risk")) is None else -most
    return _Linear(
        np.r_[weights.cost * program.costs - weights.value * program.means, weights.finish, -weights.risk],
        sparse.vstack([sparse.hstack(row) for row in blocks]).tocsr(),
        np.r_[program.limits, np.zeros(count + len(cuts))],
        np.r_[np.zeros(size + 1), min(least, greatest)],
        np.r_[np.ones(size), float(program.problem.horizon.periods), greatest],
    )
