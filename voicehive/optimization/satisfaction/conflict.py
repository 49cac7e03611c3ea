"""Why constraints cannot hold together, and what it would take that they do."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

Oracle: TypeAlias = Callable[[frozenset[int]], bool]
"""Whether the constraints of these numbers can hold together."""


class RelaxedRow(NamedTuple):
    """A candidate, and how far each constraint (C,) has to give way for it: its relative excess, 0 where it holds."""

    row: int
    amounts: Floats


def minimal_conflict(count: int, satisfiable: Oracle) -> tuple[int, ...]:
    """Find constraints that cannot hold together, while any of them left out leaves the rest satisfiable.

    QuickXplain (Junker 2004, "QUICKXPLAIN: preferred explanations and relaxations for over-constrained problems"): for
    a conflict of k among n constraints about 2 k log(n / k) + 2 k calls, and the earlier constraints are preferred to
    stay out of it. Linear programmers know the set as an irreducible infeasible subsystem (Chinneck 2008).

    An oracle that cannot tell must answer that the constraints are satisfiable: the answer is then still a conflict,
    though perhaps not a minimal one.

    Args:
        count: how many constraints there are; they cannot all hold together, which is not asked again.
        satisfiable: monotone: what is satisfiable stays so with fewer constraints.

    Returns:
        The numbers of the constraints, ascending; none where not even no constraint at all is satisfiable.
    """
    if not satisfiable(frozenset()):
        return ()
    return tuple(sorted(_conflict(frozenset(), False, tuple(range(count)), satisfiable)))


def sampled_conflict(excesses: Floats) -> tuple[int, ...]:
    """Find a minimal set of constraints that no evaluated candidate meets together.

    It proves nothing about candidates that were not evaluated, unless these are all there are.

    Args:
        excesses: (N, C) relative excesses; at most 0 where the constraint holds, NaN where that is unknown.

    Returns:
        The numbers of the constraints, ascending; none where N is 0.

    Raises:
        ValueError: a candidate meets all of them.
    """
    holds = excesses <= 0.0
    if holds.all(axis=1).any():
        raise ValueError("excesses holds a candidate that meets every constraint; there is no conflict")
    return minimal_conflict(holds.shape[1], lambda chosen: bool(holds[:, sorted(chosen)].all(axis=1).any()))


def cheapest_relaxation(excesses: Floats, relaxable: NDArray[np.bool_]) -> RelaxedRow | None:
    """Find the candidate that asks for the least relaxation: the least sum of relative excesses.

    Args:
        excesses: (N, C) relative excesses; at most 0 where the constraint holds. A row with NaN is passed over.
        relaxable: (C,) whether a constraint may give way at all; one for safety may not.

    Returns:
        The first such candidate; None where every one breaks a constraint that may not give way.
    """
    amounts = np.maximum(excesses, 0.0)
    costs = amounts.sum(axis=1)
    costs[(amounts[:, ~relaxable] > 0.0).any(axis=1) | ~np.isfinite(costs)] = np.inf
    if not np.isfinite(costs).any():
        return None
    row = int(np.argmin(costs))
    return RelaxedRow(row, amounts[row])


def _conflict(
    background: frozenset[int], changed: bool, candidates: Sequence[int], satisfiable: Oracle
) -> frozenset[int]:
    """Return the part of a conflict that lies in the candidates; background and candidates together are one.

    `changed` says that the background has grown since it was last known to be satisfiable.
    """
    if changed and not satisfiable(background):
        return frozenset()
    if len(candidates) == 1:
        return frozenset(candidates)
    half = len(candidates) // 2
    first, second = candidates[:half], candidates[half:]
    of_second = _conflict(background | frozenset(first), True, second, satisfiable)
    of_first = _conflict(background | of_second, bool(of_second), first, satisfiable)
    return of_first | of_second
