"""Parts of confidence, against SciPy, and what a conformal p-value must obey."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, kstest

from voicehive.autonomy.trust.novelty import typicality
from voicehive.autonomy.trust.track_record import track_record


class TestTrackRecord:
    @given(st.integers(0, 500), st.integers(0, 500))
    def test_it_is_the_posteriors_lower_quantile(self, right, wrong):
        assert track_record(right, wrong) == pytest.approx(beta.ppf(0.05, right + 0.5, wrong + 0.5), abs=1e-9)
        assert track_record(right + 1, wrong) > track_record(right, wrong) > track_record(right, wrong + 1)

    def test_nothing_known_is_nearly_nothing(self):
        assert track_record(0, 0) < 0.01

    def test_negative_counts_are_refused(self):
        with pytest.raises(ValueError, match="negative"):
            track_record(-1, 3)


class TestTypicality:
    def test_of_exchangeable_situations_it_is_uniform(self):
        """2,000 draws of 100 from one heavy-tailed law; the p-value lives on 1/100 ... 1."""
        generator = np.random.default_rng(1)
        values = [typicality(draw[-1], draw[:-1]) for draw in generator.standard_t(3, size=(2_000, 100, 2))]
        assert kstest(np.array(values) - generator.random(2_000) / 100, "uniform").pvalue > 0.001

    def test_what_was_never_seen_gets_the_least(self):
        history = np.random.default_rng(2).normal(size=(99, 3))
        assert typicality(np.full(3, 8.0), history) == pytest.approx(0.01)
        assert typicality(np.zeros(3), history) > 0.3

    def test_units_do_not_matter(self):
        generator = np.random.default_rng(3)
        history, situation = generator.normal(size=(60, 2)), np.array([1.5, -1.0])
        units = np.array([1e6, 1e-3])
        moved = typicality(situation * units + 7, history * units + 7)
        assert moved == pytest.approx(typicality(situation, history))

    def test_a_setting_that_never_moved_and_moves_now_is_new(self):
        history = np.column_stack((np.random.default_rng(4).normal(size=50), np.full(50, 3.0)))
        assert typicality(np.array([0.0, 4.0]), history) == pytest.approx(1 / 51)

    def test_too_short_a_history_makes_nothing_usual(self):
        assert typicality(np.zeros(2), np.zeros((4, 2))) == 0.0
        assert typicality(np.zeros(2), np.zeros((5, 2))) == 1.0

    def test_shapes_that_do_not_fit_are_refused(self):
        with pytest.raises(ValueError, match="shape"):
            typicality(np.zeros(3), np.zeros((10, 2)))
