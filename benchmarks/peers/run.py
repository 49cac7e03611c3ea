"""One optimiser's answer to one test problem, and what it took."""

import time
from collections.abc import Callable
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
_Answer = TypeVar("_Answer")


class Seconds(NamedTuple):
    """Time taken, by two clocks: this process's CPU time, and the wall's."""

    cpu: float
    wall: float


class Run(NamedTuple):
    """An answer.

    Attributes:
        objectives: of the feasible solutions returned, minimised (N, M).
        returned: how many solutions were returned, feasible or not.
        evaluations: what they cost.
        seconds: from the built problem to the answer, evaluations included.
    """

    objectives: Floats
    returned: int
    evaluations: int
    seconds: Seconds


def timed(work: Callable[[], _Answer]) -> tuple[_Answer, Seconds]:
    """Do it, and measure it."""
    cpu, wall = time.process_time(), time.perf_counter()
    answer = work()
    return answer, Seconds(time.process_time() - cpu, time.perf_counter() - wall)


def answer(objectives: Floats, excesses: Floats, evaluations: int, seconds: Seconds) -> Run:
    """Keep the feasible of the solutions returned: objectives (N, M), excesses over the constraints (N, C)."""
    feasible = (excesses <= 0.0).all(axis=1)
    return Run(objectives[feasible], len(objectives), evaluations, seconds)
