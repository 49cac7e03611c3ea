"""Choosing and measuring fronts, on fronts small enough to reckon by hand or by a peer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymoo.indicators.hv import HV
from scipy import special

from voicehive.optimization import Objective, choice
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

    def test_feasibility_comes_first(self):
        violations = np.array([0.2, 0.2, 0.0, 0.1])
        assert choice.choose(FRONT, violations, np.array([120.0, 0.6]), TWO).chosen == 2

    @given(st.floats(0.01, 100.0), st.floats(-50.0, 50.0), st.floats(0.01, 100.0))
    def test_units_do_not_matter(self, factor: float, shift: float, other: float):
        moved = FRONT * [factor, other] + [shift, 0.0]
        picked = choice.choose(moved, MET, np.array([300.0 * factor + shift, 0.1 * other]), FREE)
        assert picked.chosen == 2


class TestAcceptability:
    def test_two_points_share_the_weightings(self):
        """(0, 1) and (1, 0): with uniform weights each is first under half of the weightings."""
        ends = np.array([[0.0, 1.0], [1.0, 0.0]])
        share = choice.acceptability(ends, 0, TWO, np.random.default_rng(3))
        assert share == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 1000))

    def test_a_dominating_point_is_always_first(self):
        points = np.array([[0.0, 0.0], *([1.0, 1.0] for _ in range(20))])
        assert choice.acceptability(points, 0, TWO, np.random.default_rng(3)) == 1.0
        assert choice.acceptability(np.repeat(points[:2], [5, 15], axis=0), 9, TWO, np.random.default_rng(3)) == 0.0

    def test_weights_given_count(self):
        """Of (0, 1) and (1, 0) the first wins where w1 > w2: the survival of Beta(1.6, 0.4) at one half."""
        frugal = (TWO[0].model_copy(update={"weight": 4.0}), TWO[1])
        share = choice.acceptability(np.array([[0.0, 1.0], [1.0, 0.0]]), 0, frugal, np.random.default_rng(3))
        assert share == pytest.approx(float(special.betainc(0.4, 1.6, 0.5)), abs=0.045)


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
        assert hypervolume(front) == pytest.approx(HV(ref_point=np.full(3, 1.1))(front), rel=1e-9)

    def test_scaling(self):
        points = np.array([[10.0, 5.0], [30.0, 5.0]])
        assert scaled(points, points).tolist() == [[0.0, 0.0], [1.0, 0.0]]

    @given(POINTS, st.integers(4, 20))
    def test_thinning_covers(self, points: np.ndarray, size: int):
        """Gonzalez 1985: farthest-first is within twice of the best cover, here of any random choice of as many."""
        points = np.unique(points, axis=0)
        rows = thin(points, size, np.array([0]))
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


def cover(points: np.ndarray, rows: np.ndarray) -> float:
    """The greatest distance of any point from the nearest chosen one."""
    return float(np.sqrt(np.square(points[:, None] - points[rows][None]).sum(axis=2)).min(axis=1).max())


def test_preference_is_the_share_of_weightings_that_prefer_the_chosen() -> None:
    objectives = (Objective(name="cost", direction="minimize"), Objective(name="quality", direction="maximize"))
    today, extent = np.array([10.0, 0.5]), np.array([10.0, 1.0])

    def preferred(cost: float, quality: float) -> float:
        rng = np.random.default_rng(1)
        return choice.preference(np.array([cost, quality]), today, extent, objectives, rng)

    assert preferred(9.0, 0.6) == 1.0
    assert preferred(11.0, 0.4) == 0.0
    # On two objectives the weight of cost is uniform on 0..1; gains of -0.1 and +0.3 are preferred below weight 3/4.
    assert preferred(11.0, 0.8) == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / 1_000))
