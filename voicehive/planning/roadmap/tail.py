"""The mean of the worst samples, and what a roadmap comes to in all objectives.

Conditional value at risk: Rockafellar & Uryasev (2000), "Optimization of conditional value-at-risk". As a function of
the roadmap the mean of the worst samples is concave, so the samples that are worst for one roadmap bound it for all
others (cutting planes: Kuenzi-Bay & Mayer 2006, "Computational aspects of minimizing conditional value-at-risk").
"""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voicehive.planning.roadmap.problem import RoadmapProblem
from voicehive.planning.roadmap.values import Floats

if TYPE_CHECKING:
    from voicehive.planning.roadmap.program import Columns, Program


class Weights(NamedTuple):
    """What each objective counts, in units of value."""

    value: float
    risk: float
    cost: float
    finish: float

    @classmethod
    def of(cls, problem: RoadmapProblem) -> "Weights":
        """Take those of a problem's objectives; 0 for what does not count."""
        return cls(*(problem.weight(name) for name in cls._fields))


class Outcome(NamedTuple):
    """What a roadmap comes to: its objectives, their weighted sum, and the cut (N,) of its worst samples."""

    value: float
    risk: float
    cost: float
    finish: float
    utility: float
    cut: Floats


def tail_rows(samples: int, level: float) -> int:
    """How many of the samples are the worst: the share 1 - level, rounded up, at least one."""
    return max(1, math.ceil((1.0 - level) * samples - 1e-9))


def worst(totals: Floats, count: int) -> NDArray[np.intp]:
    """Find the rows with the least totals (S,)."""
    if count >= len(totals):
        return np.arange(len(totals))
    return np.argpartition(totals, count)[:count]


def outcome(program: "Program", chosen: "Columns", weights: Weights | None = None) -> Outcome:
    """Evaluate a roadmap exactly, over all samples."""
    weighing = program.weights if weights is None else weights
    totals = program.values[:, chosen].sum(axis=1)
    rows = worst(totals, program.tail)
    value, risk = float(totals.mean()), -float(totals[rows].mean())
    cost = float(program.costs[chosen].sum())
    finish = float(program.finishes[chosen].max(initial=0))
    utility = weighing.value * value - weighing.risk * risk - weighing.cost * cost - weighing.finish * finish
    return Outcome(value, risk, cost, finish, utility, program.values[rows].mean(axis=0))
