"""The search for very many objectives, against simple rivals, known optima and the promises of its interface."""

import moocore
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from voicehive.optimization.evolution.many_objectives import ManyObjectiveSearch
from voicehive.optimization.evolution.population import Population, Space
from voicehive.optimization.evolution.preferences import Preferences, Scale, preferred, representatives

OBJECTIVES = 20
PARAMETERS = 24


def evaluated(points, bound=np.inf):
    """DTLZ2 (Deb, Thiele, Laumanns & Zitzler 2002) with 20 objectives; the mean coordinate may not exceed a bound."""
    angles = points[:, : OBJECTIVES - 1] * np.pi / 2.0
    radius = 1.0 + np.square(points[:, OBJECTIVES - 1 :] - 0.5).sum(axis=1, keepdims=True)
    products = np.cumprod(np.concatenate([radius, np.cos(angles)], axis=1), axis=1)[:, ::-1]
    objectives = products * np.concatenate([np.ones((len(points), 1)), np.sin(angles)[:, ::-1]], axis=1)
    excesses = points.mean(axis=1, keepdims=True) - bound if np.isfinite(bound) else np.zeros((len(points), 0))
    return Population(points, objectives, excesses, points.sum(axis=1, keepdims=True))


def continuous(parameters=PARAMETERS):
    return Space(np.zeros(parameters, dtype=np.intp), np.zeros(parameters, dtype=np.bool_))


def searched(seed=1, generations=20, size=100, start=None, bound=np.inf, space=None):
    search = ManyObjectiveSearch(space or continuous(), size, np.random.default_rng(seed), OBJECTIVES, start)
    for _ in range(generations):
        search.tell(evaluated(search.ask(), bound))
    return search


def answer(search, size=100):
    """What a result would show of it."""
    rows = search.population
    rows = rows.take(rows.violations <= 0.0)
    return rows.take(representatives(rows, size, np.random.default_rng(1)))


def least(objectives):
    """The least weighted sum and Chebyshev norm of rows (N, M) under each of 500 held-out preferences, (2, 500)."""
    weights = np.random.default_rng(99).dirichlet(np.ones(OBJECTIVES), 500)
    norms = [(objectives * weighting).max(axis=1).min() for weighting in weights]
    return np.stack([(objectives @ weights.T).min(axis=0), norms])


class TestRegret:
    def test_less_than_random_search_and_a_compromise(self):
        """At equal evaluations; the compromise is the front's centre, where all objectives are 1/sqrt(20)."""
        ours = searched(generations=30).population.objectives
        random = evaluated(np.random.default_rng(1).random((3000, PARAMETERS))).objectives
        centre = np.full((1, OBJECTIVES), OBJECTIVES**-0.5)
        best = np.min([least(rows) for rows in (ours, random, centre)], axis=0)
        regret, *rivals = (least(rows) - best for rows in (ours, random, centre))
        for rival in rivals:
            assert (regret.mean(axis=1) < rival.mean(axis=1)).all()
            assert (regret.max(axis=1) < rival.max(axis=1)).all()

    def test_nears_the_known_optimum_of_the_weighted_sum(self):
        """On the unit sphere's orthant that is the least weight, at the corner of its objective."""
        weights = np.random.default_rng(7).dirichlet(np.ones(OBJECTIVES), 500)
        reached = (searched(generations=60).population.objectives @ weights.T).min(axis=0)
        assert (reached >= weights.min(axis=1) - 1e-12).all()
        assert (reached - weights.min(axis=1)).mean() < 0.2 / OBJECTIVES


class TestAnswer:
    def test_distinct_and_none_dominates_another(self):
        rows = answer(searched())
        assert len(rows.points) >= 75  # a few of the 110 held are dominated
        assert len(np.unique(np.round(rows.objectives, 9), axis=0)) == len(rows.points)
        assert moocore.is_nondominated(rows.objectives).all()
        assert np.allclose(evaluated(rows.points).objectives, rows.objectives)
        assert np.allclose(rows.outcomes[:, 0], rows.points.sum(axis=1))

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.floats(0.3, 0.6))
    def test_feasible_once_a_feasible_one_was_seen(self, seed: int, bound: float):
        search = ManyObjectiveSearch(continuous(), 40, np.random.default_rng(seed), OBJECTIVES)
        seen = False
        for _ in range(5):
            told = evaluated(search.ask(), bound)
            search.tell(told)
            seen |= bool((told.violations == 0.0).any())
            assert not seen or (search.population.violations == 0.0).any()

    def test_a_feasible_point_outlives_an_infeasible_one_with_equal_objectives(self):
        points = np.random.default_rng(1).random((2, PARAMETERS))
        told = Population(points, np.ones((2, OBJECTIVES)), np.array([[1.0], [-1.0]]), points)
        search = ManyObjectiveSearch(continuous(), 40, np.random.default_rng(1), OBJECTIVES)
        search.tell(told)
        assert (answer(search).points == points[1:]).all()

    def test_least_violating_while_none_is_feasible(self):
        search = ManyObjectiveSearch(continuous(), 40, np.random.default_rng(1), OBJECTIVES)
        told = evaluated(search.ask(), bound=-1.0)
        search.tell(told)
        assert np.allclose(np.sort(search.population.violations), np.sort(told.violations))
        for _ in range(10):
            search.tell(evaluated(search.ask(), bound=-1.0))
        assert search.population.violations.max() < told.violations.min()

    def test_told_nothing_it_holds_nothing(self):
        search = ManyObjectiveSearch(continuous(), 40, np.random.default_rng(1), OBJECTIVES)
        assert search.population.points.shape == (0, PARAMETERS)


class TestAsking:
    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 4), min_size=6, max_size=24), st.booleans())
    def test_points_are_new_distinct_snapped_and_inside(self, seed: int, cells: list[int], nominal: bool):
        counts = np.array(cells + [0] * (PARAMETERS - len(cells)))
        space = Space(counts, (counts > 0) & nominal)
        search = ManyObjectiveSearch(space, 30, np.random.default_rng(seed), OBJECTIVES)
        for _ in range(4):
            asked = search.ask()
            assert asked is not None
            assert ((asked >= 0.0) & (asked <= 1.0)).all()
            assert np.allclose(space.snap(asked), asked, atol=1e-15)
            assert len(np.unique(asked, axis=0)) == len(asked) <= 30
            search.tell(evaluated(asked))

    def test_ends_when_all_points_are_known(self):
        """Of 2^3 points, none is left once each is in the population."""
        space = Space(np.full(3, 2), np.zeros(3, dtype=np.bool_))
        search = ManyObjectiveSearch(space, 50, np.random.default_rng(1), OBJECTIVES)
        seen = np.empty((0, 3))
        for _ in range(20):
            if (asked := search.ask()) is None:
                break
            seen = np.concatenate([seen, asked])
            search.tell(
                Population(
                    asked,
                    asked @ np.eye(3, OBJECTIVES) + asked.sum(axis=1, keepdims=True) * 0.01,
                    np.zeros((len(asked), 0)),
                    asked,
                )
            )
        assert search.ask() is None
        assert len(np.unique(seen, axis=0)) == len(seen) == 8

    def test_seeds_come_first(self):
        seed = np.full((1, PARAMETERS), 0.25)
        search = ManyObjectiveSearch(continuous(), 40, np.random.default_rng(1), OBJECTIVES, seeds=seed)
        assert (search.ask()[0] == 0.25).all()
        assert len(search.ask()) == 40

    def test_rows_may_be_missing(self):
        search = ManyObjectiveSearch(continuous(), 40, np.random.default_rng(1), OBJECTIVES)
        told = []
        for kept in (5, 0, 17):
            told.append(evaluated(search.ask()[:kept]))
            search.tell(told[-1])
        objectives = np.concatenate([rows.objectives for rows in told])
        best = objectives[moocore.is_nondominated(objectives)]
        answered = answer(search).objectives
        assert {tuple(row) for row in answered} <= {tuple(row) for row in best}
        assert (np.abs(best[:, None] - answered).max(axis=2).min(axis=1) < 1e-4).all()  # but for near equals

    def test_the_seed_fixes_everything(self):
        first, second, other = (searched(seed, generations=6).population for seed in (3, 3, 4))
        assert all(np.array_equal(*pair) for pair in zip(first, second, strict=True))
        assert not np.array_equal(first.points, other.points)

    def test_a_restart_goes_on(self):
        """With another seed, from what was found: the mean regret lessens."""
        before = searched(seed=1, generations=15).population
        after = searched(seed=2, generations=15, start=before).population
        assert (least(after.objectives).mean(axis=1) < least(before.objectives).mean(axis=1)).all()


class TestPreferences:
    def test_smooth_norm_lies_between_the_chebyshev_norm_and_its_bound(self):
        """max <= p-norm <= M^(1/p) max (Miettinen 1999, section 3.4), for weights that are seen through unit points."""
        preferences = Preferences(OBJECTIVES, np.random.default_rng(1), 40)
        weights = preferences(np.clip(np.eye(OBJECTIVES, dtype=np.float32), 1e-9, 1.0)).astype(float) ** 0.125
        points = np.random.default_rng(2).random((60, OBJECTIVES), dtype=np.float32)
        came_to = preferences(points).astype(float) ** 0.125
        sums, norms = weights[:10] @ points.T, (weights[10:, None, :] * points).max(axis=2)
        assert np.allclose(came_to[:10], sums, rtol=1e-4)
        assert (came_to[10:] >= norms * (1.0 - 1e-4)).all()
        assert (came_to[10:] <= OBJECTIVES**0.125 * norms * (1.0 + 1e-4)).all()

    def test_the_best_under_each_function_come_first(self):
        came_to = np.array([[3.0, 1.0, 2.0, 9.0], [3.0, 2.0, 1.0, 9.0]], dtype=np.float32)
        assert preferred(came_to, np.zeros(4), 3).tolist() == [1, 2, 0]
        assert preferred(came_to, np.array([0.0, 2.0, 1.0, 0.0]), 4).tolist() == [0, 3, 2, 1]

    def test_powers_stay_within_single_precision(self):
        """At the ends of what scaling may give; a point nearer the ideal still comes to less."""
        preferences = Preferences(100, np.random.default_rng(1))
        rows = Population(np.zeros((3, 1)), np.outer([0.0, 1.0, 1e9], np.ones(100)), np.zeros((3, 0)), np.zeros((3, 0)))
        came_to = preferences(Scale(rows.take(np.array([0, 1])))(rows.objectives))
        assert np.isfinite(came_to).all()
        assert (np.diff(came_to, axis=1) > 0.0).all()

    @given(st.integers(0, 1000), st.floats(1e-3, 1e3), st.floats(-100.0, 100.0))
    def test_units_do_not_matter(self, seed: int, factor: float, shift: float):
        objectives = np.random.default_rng(seed).random((30, OBJECTIVES))
        moved = objectives * factor + shift

        def rows(values):
            return Population(objectives, values, np.zeros((30, 0)), np.zeros((30, 0)))

        assert np.allclose(
            Scale(rows(moved))(moved), Scale(rows(objectives))(objectives), atol=1e-8 + 1e-12 * abs(shift) / factor
        )

    def test_an_infeasible_point_takes_no_feasible_ones_place(self):
        """Under the first function 6 is the best feasible point, under the second 8; 7 is second under the first."""
        spoilt = np.ones((2, 6)) * np.arange(1.0, 7.0)
        came_to = np.hstack([spoilt, [[20.0, 21.0, 30.0], [60.0, 70.0, 50.0]]]).astype(np.float32)
        violations = np.repeat([1.0, 0.0], [6, 3])
        assert set(preferred(came_to, violations, 2).tolist()) == {6, 8}

    def test_representatives_leave_out_the_dominated_and_the_equal(self):
        front = np.eye(OBJECTIVES) * -1.0
        objectives = np.concatenate([front, front, front + 0.5])
        rows = Population(objectives, objectives, objectives[:, :0], objectives)
        for size in (30, 50, 100):
            chosen = objectives[representatives(rows, size, np.random.default_rng(1))]
            assert sorted(map(tuple, chosen)) == sorted(map(tuple, front))

    def test_representatives_hold_the_best_for_each_preference_and_what_is_to_be_kept(self):
        """The best for one of as many preferences as rows wanted can be no more than these."""
        objectives = np.random.default_rng(1).random((3_000, OBJECTIVES))
        rows = Population(objectives, objectives, objectives[:, :0], objectives)
        keep = np.flatnonzero(moocore.is_nondominated(objectives))[[700, 3, 20]].tolist()
        chosen = representatives(rows, 200, np.random.default_rng(1), keep)
        assert len(chosen) == 200
        assert set(keep) <= set(chosen.tolist())
        assert set(objectives.argmin(axis=0).tolist()) <= set(chosen.tolist())
        thinned = objectives[np.random.default_rng(2).choice(3_000, 200, replace=False)]
        assert (least(objectives[chosen]).mean(axis=1) < 0.9 * least(thinned).mean(axis=1)).all()
