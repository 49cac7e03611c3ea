"""Minimal conflicts and cheapest relaxations, against the enumeration of all subsets and of all rows."""

from itertools import chain, combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from voicehive.optimization.satisfaction.conflict import cheapest_relaxation, minimal_conflict, sampled_conflict

CONFLICTS = st.integers(1, 9).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.lists(st.frozensets(st.integers(0, count - 1), min_size=1), min_size=1, max_size=4),
    )
)
EXCESSES = st.tuples(st.integers(1, 12), st.integers(1, 5)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0, 3.0, np.nan]))
)


def subsets(count: int) -> Any:
    return chain.from_iterable(combinations(range(count), size) for size in range(count + 1))


@given(CONFLICTS)
def test_a_minimal_conflict_is_one_and_holds_no_smaller_one(case: tuple[int, list[frozenset[int]]]) -> None:
    count, conflicts = case

    def satisfiable(chosen: frozenset[int]) -> bool:
        return not any(conflict <= chosen for conflict in conflicts)

    minimal = [c for c in subsets(count) if not satisfiable(frozenset(c)) and is_minimal(c, satisfiable)]
    assert minimal_conflict(count, satisfiable) in minimal


def is_minimal(conflict: tuple[int, ...], satisfiable: Any) -> bool:
    return all(satisfiable(frozenset(conflict) - {one}) for one in conflict)


def test_a_small_conflict_among_many_constraints_takes_few_questions() -> None:
    asked: list[frozenset[int]] = []

    def satisfiable(chosen: frozenset[int]) -> bool:
        asked.append(chosen)
        return not {17, 503} <= chosen

    assert minimal_conflict(1000, satisfiable) == (17, 503)
    # Junker (2004), theorem 1: at most 2 k log2(n / k) + 2 k = 40 for k = 2, n = 1000; and one for the background.
    assert len(asked) <= 41


def test_a_conflict_is_empty_where_nothing_at_all_is_satisfiable() -> None:
    assert minimal_conflict(3, lambda _: False) == ()


def test_an_oracle_that_cannot_tell_costs_minimality_but_not_truth() -> None:
    def satisfiable(chosen: frozenset[int]) -> bool:
        return not (chosen >= {1, 3} and len(chosen) > 3)

    found = frozenset(minimal_conflict(6, satisfiable))
    assert found >= {1, 3}
    assert not satisfiable(found)


@given(EXCESSES)
def test_no_row_meets_a_sampled_conflict_and_some_row_meets_each_smaller_set(excesses: NDArray[np.float64]) -> None:
    def met(chosen: Any) -> bool:
        return any(all(row[c] <= 0 for c in chosen) for row in excesses.tolist())

    if met(range(excesses.shape[1])):
        with pytest.raises(ValueError, match="meets every constraint"):
            sampled_conflict(excesses)
        return
    conflict = sampled_conflict(excesses)
    assert not met(conflict)
    assert all(met(set(conflict) - {one}) for one in conflict)


@given(EXCESSES, st.data())
def test_the_cheapest_relaxation_is_that_of_the_enumeration(excesses: NDArray[np.float64], data: Any) -> None:
    relaxable = data.draw(arrays(np.bool_, excesses.shape[1]))
    costs = {
        number: sum(max(0.0, excess) for excess in row)
        for number, row in enumerate(excesses.tolist())
        if all(excess <= 0 or (excess > 0 and may) for excess, may in zip(row, relaxable, strict=True))
    }
    found = cheapest_relaxation(excesses, relaxable)
    if found is None:
        assert not costs
        return
    assert costs[found.row] == min(costs.values())
    assert found.amounts.tolist() == [max(0.0, excess) for excess in excesses[found.row].tolist()]
    assert not found.amounts[~relaxable].any()
