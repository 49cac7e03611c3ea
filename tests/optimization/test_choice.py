"""Choosing and measuring fronts, on fronts small enough to reckon by hand or by a peer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymoo.indicators.hv import HV
from pymoo.mcdm.pseudo_weights import PseudoWeights
from scipy import special
from scipy.stats import spearmanr

from voicehive.optimization import Objective, choice
from voicehive.optimization.explanation import redundancy, sensitivity
from voicehive.optimization.front import hypervolume, non_dominated, scaled, thin

TWO = (Objective(name="cost", direction="minimize"), Objective(name="quality", direction="maximize"))
FREE = tuple(objective.model_copy(update={"maximum_worsening": None}) for objective in TWO)
FRONT = np.array([[100.0, 0.5], [110.0, 0.8], [130.0, 0.9], [200.0, 1.0]])
MET = np.zeros(4)


class TestChoose:
    def test_least_achievement_by_hand(self):
        """Scaled: (0, 1), (0.1, 0.4), (0.3, 0.2), (1, 0); the greatest halved term is least, 0.15, at the third."""
        assert choice.choose(FRONT, MET, np.array([300.0, 0.1]), FREE).chosen == 2

    def test_weights_move_the_choice(self):
        frugal = (FREE[0].model_copy(update={"weight": 9.0}), FREE[1])
        assert choice.choose(FRONT, MET, np.array([300.0, 0.1]), frugal).chosen == 1

    def test_nothing_may_be_worse_than_today(self):
        """Today (120, 0.6): only (110, 0.8) is no worse in both."""
        picked = choice.choose(FRONT, MET, np.array([120.0, 0.6]), TWO)
        assert picked.chosen == 1
        assert picked.eligible.tolist() == [1]
        assert picked.within_limits

    def test_what_is_allowed_is_relative_to_today(self):
        """A tenth more than 120 reaches 132, so 130 is eligible and 200 is not."""
        allowed = (TWO[0].model_copy(update={"maximum_worsening": 0.1}), TWO[1])
        assert choice.choose(FRONT, MET, np.array([120.0, 0.6]), allowed).eligible.tolist() == [1, 2]

    def test_otherwise_the_least_worsening(self):
        """Today (90, 0.95): excesses 10/90 + 0.45/0.95, 20/90 + 0.15/0.95, 40/90 + 0.05/0.95, 110/90: the second."""
        picked = choice.choose(FRONT, MET, np.array([90.0, 0.95]), TWO)
        assert picked.eligible.tolist() == [1]
        assert not picked.within_limits

    def test_where_today_is_zero_a_share_of_it_allows_nothing(self):
        """A tenth of 0 is 0, in whatever unit: neither 0.09 nor 0.09 of a millionth may be lost."""
        allowed = (TWO[0].model_copy(update={"maximum_worsening": 0.1}), FREE[1])
        for unit in (1.0, 1e-6, 1e-12):
            front = np.array([[0.0, 0.5], [0.09, 0.9], [0.5, 1.0]]) * [unit, 1.0]
            assert choice.choose(front, MET[:3], np.array([0.0, 0.5]), allowed).eligible.tolist() == [0]

    def test_a_weighted_sum_is_the_least_of_those_that_keep_the_limits(self):
        """Sums of 0.5 (cost - 100) / 100 and (1 - quality): least at (110, 0.8), which today's 105 does not allow."""
        free = choice.choose(FRONT, MET, np.array([105.0, 0.4]), FREE, measure="weighted_sum")
        bound = choice.choose(FRONT, MET, np.array([105.0, 0.4]), TWO, measure="weighted_sum")
        assert (free.chosen, bound.chosen) == (int(np.array([0.5, 0.25, 0.25, 0.5]).argmin()), 0)
        assert bound.within_limits

    def test_feasibility_comes_first(self):
        violations = np.array([0.2, 0.2, 0.0, 0.1])
        assert choice.choose(FRONT, violations, np.array([120.0, 0.6]), TWO).chosen == 2

    @given(st.floats(0.01, 100.0), st.floats(-50.0, 50.0), st.floats(0.01, 100.0))
    def test_units_do_not_matter(self, factor: float, shift: float, other: float):
        moved = FRONT * [factor, other] + [shift, 0.0]
        picked = choice.choose(moved, MET, np.array([300.0 * factor + shift, 0.1 * other]), FREE)
        assert picked.chosen == 2


def acceptability(points: np.ndarray, chosen: int, weights: tuple[float, ...] = (0.5, 0.5)) -> float:
    drawn = sensitivity.weightings(np.array(weights), len(points), np.random.default_rng(3))
    return sensitivity.acceptability(choice.achievement(points, drawn), chosen)


class TestAcceptability:
    def test_two_points_share_the_weightings(self):
        """(0, 1) and (1, 0): with uniform weights each is first under half of the weightings."""
        ends = np.array([[0.0, 1.0], [1.0, 0.0]])
        assert acceptability(ends, 0) == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 1000))

    def test_a_dominating_point_is_always_first(self):
        points = np.array([[0.0, 0.0], *([1.0, 1.0] for _ in range(20))])
        assert acceptability(points, 0) == 1.0
        assert acceptability(np.repeat(points[:2], [5, 15], axis=0), 9) == 0.0

    def test_weights_given_count(self):
        """Of (0, 1) and (1, 0) the first wins where w1 > w2: the survival of Beta(1.6, 0.4) at one half."""
        share = acceptability(np.array([[0.0, 1.0], [1.0, 0.0]]), 0, (0.8, 0.2))
        assert share == pytest.approx(float(special.betainc(0.4, 1.6, 0.5)), abs=0.045)

    @given(st.integers(0, 100))
    def test_first_ranks_sum_to_one(self, seed: int):
        rng = np.random.default_rng(seed)
        achieved = choice.achievement(rng.random((12, 3)), rng.dirichlet(np.ones(3), 200))
        assert sensitivity.first_ranks(achieved).sum() == pytest.approx(1.0)


class TestMethods:
    def test_topsis_as_reckoned_by_hand(self):
        """Weights 1/2 each: (0, 1) is 1/2 from the ideal and 1/2 from the nadir; (1/4, 1/4) is a quarter of the way."""
        points = np.array([[0.0, 1.0], [0.25, 0.25], [1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
        assert choice.topsis(points, np.array([0.5, 0.5])) == pytest.approx([0.5, 0.75, 0.5, 1.0, 0.0])

    def test_pseudo_weights_by_their_definition_and_as_pymoo_reckons_them(self):
        points = np.random.default_rng(2).random((30, 3))
        points = (points - points.min(axis=0)) / np.ptp(points, axis=0)
        weights = np.array([0.5, 0.3, 0.2])
        picked, theirs = PseudoWeights(weights).do(points, return_pseudo_weights=True)
        assert choice.pseudo_weights(points) == pytest.approx(theirs)
        assert np.abs(theirs - weights).sum(axis=1)[picked] <= np.abs(theirs - weights).sum(axis=1).min() + 1e-12
        assert choice.pseudo_weights(points).sum(axis=1) == pytest.approx(1.0)

    def test_safest_has_the_most_room_where_it_is_tightest(self):
        excesses, points = np.array([[-0.1, -0.9], [-0.3, -0.4], [-0.8, -0.2]]), np.zeros((3, 1))
        none, both = np.array([False]), np.array([False, False])
        assert choice.safest(excesses, points, none, both) == 1
        assert choice.safest(excesses, points, none, np.array([True, False])) == 2
        assert choice.safest(np.zeros((3, 0)), points, none, np.zeros(0, dtype=bool)) is None

    def test_a_target_is_what_the_choice_is_measured_from(self):
        """With a target of 0.5 for quality there is no need to pay for more."""
        content = (FREE[0], FREE[1].model_copy(update={"target": 0.5}))
        freely = choice.choose(FRONT, MET, np.array([300.0, 0.1]), FREE).chosen
        aimed = choice.choose(FRONT, MET, np.array([300.0, 0.1]), content).chosen
        assert FRONT[aimed, 0] < FRONT[freely, 0]

    @given(st.integers(0, 200))
    def test_weight_intervals_are_where_the_winner_stays(self, seed: int):
        rng = np.random.default_rng(seed)
        points, weights = rng.random((15, 4)), rng.dirichlet(np.ones(4))
        winner = int((points @ weights).argmin())
        for index, (low, high) in enumerate(sensitivity.weight_intervals(points, winner, weights)):
            assert low <= weights[index] <= high
            for share in np.linspace(0.0, 1.0, 41):
                moved = weights * (1.0 - share) / (1.0 - weights[index])
                moved[index] = share
                advantage = (points @ moved).min() - points[winner] @ moved
                inside = low + 1e-9 < share < high - 1e-9
                outside = share < low - 1e-9 or share > high + 1e-9
                assert advantage >= -1e-9 if inside else not outside or advantage < 0.0


class TestRedundancy:
    @given(st.integers(0, 50))
    def test_correlations_are_spearmans(self, seed: int):
        front = np.random.default_rng(seed).integers(0, 6, (20, 4)).astype(float)
        expected = spearmanr(front).statistic
        assert redundancy.rank_correlations(front) == pytest.approx(np.nan_to_num(expected), abs=1e-9)

    def test_the_later_of_two_that_say_the_same_is_redundant(self):
        first = np.random.default_rng(1).random(50)
        front = np.column_stack([first, -first, np.exp(first)])
        found = redundancy.redundant(redundancy.rank_correlations(front))
        assert [(r.objective, r.explained_by) for r in found] == [(2, 0)]
        assert found[0].correlation == pytest.approx(1.0)


class TestFront:
    POINTS = st.lists(st.tuples(*[st.integers(0, 9)] * 3), min_size=1, max_size=40).map(
        lambda p: np.array(p, dtype=float)
    )

    @given(POINTS)
    def test_non_dominated_by_definition(self, points: np.ndarray):
        kept = non_dominated(points)
        for row, keep in zip(points, kept, strict=True):
            beaten = ((points <= row).all(axis=1) & (points < row).any(axis=1)).any()
            assert not (keep and beaten)
        assert {tuple(row) for row in points[kept]} == {
            tuple(row) for row in points if not ((points <= row).all(axis=1) & (points < row).any(axis=1)).any()
        }

    @given(POINTS)
    def test_hypervolume_as_pymoo_reckons_it(self, points: np.ndarray):
        front = scaled(points, points)
        assert hypervolume(front).value == pytest.approx(HV(ref_point=np.full(3, 1.1))(front), rel=1e-9)

    def test_scaling(self):
        points = np.array([[10.0, 5.0], [30.0, 5.0]])
        assert scaled(points, points).tolist() == [[0.0, 0.0], [1.0, 0.0]]

    @given(POINTS, st.integers(4, 20))
    def test_thinning_covers(self, points: np.ndarray, size: int):
        """Gonzalez 1985: farthest-first is within twice of the best cover, here of any random choice of as many."""
        points = np.unique(points, axis=0)
        rows = thin(points, size, [0])
        assert len(rows) == min(size, len(points))
        assert 0 in rows
        for column in range(3):
            assert points[rows, column].min() == points[:, column].min()
        radius = cover(points, rows)
        free = max(1, size - 4)  # those kept by demand may be wasted
        for seed in range(5):
            rival = np.random.default_rng(seed).choice(len(points), min(free, len(points)), replace=False)
            assert radius <= 2.0 * cover(points, rival) + 1e-9

    def test_knee(self):
        """Of (0, 1), (0.2, 0.2), (1, 0) the middle one lies farthest below the line between the ends."""
        assert choice.knee(np.array([[0.0, 1.0], [0.2, 0.2], [1.0, 0.0]])) == 1

    @given(st.integers(0, 300))
    def test_knee_is_farthest_below_the_plane_through_the_ends(self, seed: int):
        """The plane by the cross product of two of its edges, whose normal is to point away from the ideal."""
        rng = np.random.default_rng(seed)
        ends = 0.3 + 0.7 * rng.random((3, 3))
        np.fill_diagonal(ends, 0.0)
        inner = 0.01 + 0.6 * rng.random((40, 3))
        points = np.concatenate([ends, inner])
        normal = np.cross(ends[1] - ends[0], ends[2] - ends[0])
        normal *= np.sign(normal @ ends[0])
        expected = ((points - ends[0]) @ normal).argmin() if (normal > 0.0).all() else points.sum(axis=1).argmin()
        assert choice.knee(points) == expected


def cover(points: np.ndarray, rows: np.ndarray) -> float:
    """The greatest distance of any point from the nearest chosen one."""
    return float(np.sqrt(np.square(points[:, None] - points[rows][None]).sum(axis=2)).min(axis=1).max())


def test_preference_is_the_share_of_weightings_that_prefer_the_second() -> None:
    """Of today (10, 0.5) and another, beside rows that reach from 5 to 15 in cost and from 0 to 1 in quality."""

    def preferred(cost: float, quality: float) -> float:
        rows = choice.minimized(np.array([[10.0, 0.5], [cost, quality], [5.0, 0.0], [15.0, 1.0]]), TWO)
        return sensitivity.preference(rows, np.array([0.5, 0.5]), np.random.default_rng(1))

    assert preferred(9.0, 0.6) == 1.0
    assert preferred(11.0, 0.4) == 0.0
    # On two objectives the weight of cost is uniform on 0..1; gains of -0.1 and +0.3 are preferred below weight 3/4.
    assert preferred(11.0, 0.8) == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / 1_000))
