# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
"""A roadmap as a time-indexed linear program: one column says that one initiative starts in one period.

Source: Pritsker, Watters & Wolfe (1969), "Multiproject scheduling with limited resources"; precedence is written
period by period (disaggregated), as Christofides, Alvarez-Valdes & Tamarit (1987) do, for its tighter relaxation.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voicehive.planning.roadmap.checks import needed
from voicehive.planning.roadmap.problem import RoadmapProblem
from voicehive.planning.roadmap.tail import Weights, tail_rows
from voicehive.planning.roadmap.values import Floats, Integers, ValueSamples

Columns: TypeAlias = NDArray[np.intp]
"""Chosen columns, ascending: which initiative starts when."""

_ROUNDING = 1e-9

Row: TypeAlias = tuple[str, NDArray[np.intp], Floats, float]
"""What it is, the columns it weighs, their weights, and what their sum may be at most."""


@dataclass(frozen=True)
class Program:
    """Columns (N,), rows `matrix` (R, N) x <= `limits` (R,), and what a column brings.

    `owners` are places among the counting initiatives, `starts` and `finishes` periods (a finish is the first period
    after), `costs` totals, `values` (S, N). `wanted` are the places of initiatives that every roadmap holds.
    """

    problem: RoadmapProblem
    owners: Integers
    starts: Integers
    finishes: Integers
    costs: Floats
    values: Floats
    means: Floats
    matrix: Any
    limits: Floats
    labels: tuple[str, ...]
    wanted: frozenset[int]
    weights: Weights

    @property
    def size(self) -> int:
        """How many columns there are."""
        return len(self.owners)

    def fits(self, chosen: Columns) -> bool:
        """Whether chosen columns keep all rows, but for rounding."""
        sums = np.asarray(self.matrix[:, chosen].sum(axis=1)).ravel() if len(chosen) else 0.0
        return bool((sums <= self.limits + _ROUNDING * np.maximum(1.0, np.abs(self.limits))).all())

    @property
    def tail(self) -> int:
        """How many of the samples are the worst ones."""
        return tail_rows(len(self.values), self.problem.risk_level)


def program_of(problem: RoadmapProblem, samples: ValueSamples, only: Mapping[str, int] | None = None) -> Program:
    """Write a problem as a program; its arrays take 8 bytes x samples x columns.

    With `only`, these starts by initiative are the only columns, and no limits are written: they are known to hold.
    """
    owners, starts = _columns(problem, only)
    lasts = np.array([problem.planned[one.id] for one in problem.counting], dtype=np.int64)[owners]
    at_start = np.array([one.cost_at_start for one in problem.counting])[owners]
    each = np.array([one.cost_per_period for one in problem.counting])[owners]
    costs = np.asarray(at_start + each * lasts, dtype=np.float64)
    # What takes no time may still be done at the very end; it is then worth what it is in the last period.
    values = np.ascontiguousarray(samples.values[:, owners, np.minimum(starts, problem.horizon.periods - 1)])
    wanted = frozenset(problem.places[name] for name in needed(problem))
    rows = [] if only is not None else list(_rows(problem, owners, starts, wanted))
    bounds = (("cost", costs, 1.0), ("value", -values.mean(axis=0), -1.0))
    for name, weights, sign in bounds:
        if only is None and (most := problem.bound(name)) is not None:
            rows.append(
                (f"objective {name}", np.arange(len(owners)), np.asarray(weights, dtype=np.float64), sign * most)
            )
    matrix, limits = _matrix(rows, len(owners))
    return Program(
        problem, owners, starts, starts + lasts, costs, values, values.mean(axis=0), matrix, limits,
        tuple(row[0] for row in rows), wanted, Weights.of(problem),
    )  # fmt: skip


def _columns(problem: RoadmapProblem, only: Mapping[str, int] | None) -> tuple[Integers, Integers]:
    most = problem.bound("finish")
    if only is not None:
        places = {problem.places[name]: start for name, start in only.items()}
        owners = np.array(sorted(places), dtype=np.int64)
        return owners, np.array([places[place] for place in owners.tolist()], dtype=np.int64)
    pairs = [
        (place, start)
        for place, one in enumerate(problem.counting)
        for first, last in [problem.window(one)]
        for start in range(first, last + 1)
        if most is None or start + problem.planned[one.id] <= most
    ]
    array = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return array[:, 0].copy(), array[:, 1].copy()


def _rows(problem: RoadmapProblem, owners: Integers, starts: Integers, wanted: frozenset[int]) -> Iterator[Row]:
    by_owner = [np.flatnonzero(owners == place) for place in range(len(problem.counting))]
    for place, columns in enumerate(by_owner):
        yield f"once {place}", columns, np.ones(len(columns)), 1.0
        if place in wanted:
            yield f"required {place}", columns, -np.ones(len(columns)), -1.0
    yield from _precedences(problem, by_owner, starts)
    yield from _groups(problem, by_owner)
    yield from _amounts(problem, owners, starts)


def _precedences(problem: RoadmapProblem, by_owner: Sequence[Columns], starts: Integers) -> Iterator[Row]:
    for place, one in enumerate(problem.counting):
        own = by_owner[place]
        for before in one.prerequisites:
            if before.initiative not in problem.places:
                yield f"candidate {before.initiative} before {one.id}", own, np.ones(len(own)), 0.0
                continue
            other = by_owner[problem.places[before.initiative]]
            gap = problem.planned[before.initiative] + before.lag
            for period in range(problem.horizon.periods + 1):
                mine, theirs = own[starts[own] <= period], other[starts[other] + gap <= period]
                if len(mine):
                    weights = np.concatenate([np.ones(len(mine)), -np.ones(len(theirs))])
                    yield f"precedence {before.initiative} {one.id}", np.concatenate([mine, theirs]), weights, 0.0


def _groups(problem: RoadmapProblem, by_owner: Sequence[Columns]) -> Iterator[Row]:
    none = np.zeros(0, dtype=np.intp)
    for number, group in enumerate(problem.together):
        members = [by_owner[problem.places[name]] if name in problem.places else none for name in group]
        for one, other in zip(members, (*members[1:], members[0]), strict=True):
            weights = np.concatenate([np.ones(len(one)), -np.ones(len(other))])
            yield f"together {number}", np.concatenate([one, other]), weights, 0.0
    for number, group in enumerate(problem.apart):
        columns = np.concatenate([by_owner[problem.places[name]] for name in group if name in problem.places] or [none])
        yield f"apart {number}", columns, np.ones(len(columns)), 1.0


def _amounts(problem: RoadmapProblem, owners: Integers, starts: Integers) -> Iterator[Row]:
    lasts = np.array([problem.planned[one.id] for one in problem.counting], dtype=np.int64)[owners]
    at_start = np.array([one.cost_at_start for one in problem.counting])[owners]
    each = np.array([one.cost_per_period for one in problem.counting])[owners]
    for period in range(problem.horizon.periods):
        runs = (starts <= period) & (period < starts + lasts)
        for skill in problem.capacities:
            people = np.array([one.people.get(skill, 0.0) for one in problem.counting])[owners] * runs
            columns = np.flatnonzero(people)
            yield f"capacity {skill} {period}", columns, people[columns], problem.capacity(skill, period)
        budget = problem.budget(period)
        if budget is not None:
            spent = each * runs + at_start * (starts == period)
            columns = np.flatnonzero(spent)
            yield f"budget {period}", columns, spent[columns], budget


def _matrix(rows: Sequence[Row], columns: int) -> tuple[Any, Floats]:
    if not rows:
        return sparse.csr_array((0, columns)), np.zeros(0)
    numbers = np.repeat(np.arange(len(rows)), [len(row[1]) for row in rows])
    data = np.concatenate([row[2] for row in rows])
    places = np.concatenate([row[1] for row in rows])
    matrix = sparse.csr_array((data, (numbers, places)), shape=(len(rows), columns))
    return matrix, np.array([row[3] for row in rows])
