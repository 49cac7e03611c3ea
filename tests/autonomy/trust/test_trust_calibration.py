"""Calibrated confidence, against scikit-learn, hand-worked errors, and outcomes of known probability."""

import time
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from voicehive.autonomy.trust.calibration import fit_confidence, fit_platt
from voicehive.autonomy.trust.calibration_error import brier_score, expected_calibration_error
from voicehive.autonomy.trust.confidence_model import ConfidenceModel, probability
from voicehive.autonomy.trust.errors import OutcomesUnusable, PartsMismatch
from voicehive.autonomy.trust.outcome import Outcome

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def outcome(number, parts, loss, confidence=0.5):
    return Outcome(
        decision_id=f"d{number}", kind="staffing", parts=parts, confidence=confidence, loss=float(loss), at=NOW
    )


def overconfident(count, seed=1, link=lambda score: expit(score / 3)):
    """Outcomes right with probability link(logit a + logit b), whose confidence was said to be the mean of a and b."""
    generator = np.random.default_rng(seed)
    first, second = generator.beta(3, 1.5, count), generator.beta(3, 1.5, count)
    truth = link(logit(first) + logit(second))
    wrong = generator.random(count) > truth
    return truth, [
        outcome(i, {"agreement": a, "margin": b}, w, (a + b) / 2)
        for i, (a, b, w) in enumerate(zip(first.tolist(), second.tolist(), wrong.tolist(), strict=True))
    ]


class TestErrors:
    def test_brier_agrees_with_scikit_learn(self):
        generator = np.random.default_rng(0)
        probabilities, right = generator.random(200), (generator.random(200) < 0.6).astype(float)
        assert brier_score(probabilities, right) == pytest.approx(brier_score_loss(right, probabilities))

    def test_expected_calibration_error_by_hand(self):
        """Two bins of two: |0.15 - 0| and |0.85 - 0.5|, half each: 0.25."""
        error = expected_calibration_error(np.array([0.1, 0.9, 0.2, 0.8]), np.array([0.0, 1.0, 0.0, 0.0]), bins=2)
        assert error == pytest.approx(0.25)

    def test_bins_agree_with_scikit_learns_quantile_bins(self):
        generator = np.random.default_rng(3)
        probabilities = generator.random(1_000)
        right = (generator.random(1_000) < probabilities**2).astype(float)
        true, said = calibration_curve(right, probabilities, n_bins=10, strategy="quantile")
        ours = expected_calibration_error(probabilities, right)
        assert ours == pytest.approx(float(np.mean(np.abs(true - said))), abs=2e-3)
        assert ours > 0.1


class TestFit:
    def test_platt_agrees_with_scikit_learn_where_no_weight_is_negative(self):
        """scikit-learn knows no soft targets: each case twice, weighted, is the same sum."""
        generator = np.random.default_rng(4)
        features = generator.normal(size=(300, 2))
        right = (generator.random(300) < expit(features @ [1.0, 0.5])).astype(float)
        good = right.sum()
        targets = right * (good + 1) / (good + 2) + (1 - right) / (302 - good)
        peer = LogisticRegression(C=1.0, tol=1e-10, max_iter=1_000).fit(
            np.vstack((features, features)), np.repeat([1, 0], 300), np.concatenate((targets, 1 - targets))
        )
        weights, intercept = fit_platt(features, right)
        assert weights == pytest.approx(peer.coef_[0], abs=1e-3)
        assert intercept == pytest.approx(peer.intercept_[0], abs=1e-3)

    def test_a_part_that_points_the_wrong_way_gets_no_weight(self):
        generator = np.random.default_rng(5)
        features = generator.normal(size=(300, 2))
        right = (generator.random(300) < expit(features @ [1.0, -1.0])).astype(float)
        weights, _ = fit_platt(features, right)
        assert weights[1] == 0.0
        assert weights[0] > 0.5

    def test_overconfidence_is_mended_on_cases_never_seen(self):
        _, training = overconfident(600)
        truth, fresh = overconfident(2_000, seed=2)
        fitted = fit_confidence(training, np.random.default_rng(0))
        said = np.array([each.confidence for each in fresh])
        ours = np.array([probability(fitted.model, each.parts) for each in fresh])
        assert np.mean(np.abs(ours - truth)) < 0.6 * np.mean(np.abs(said - truth))
        summary = fitted.summary
        assert summary.calibrated
        assert summary.brier_after < summary.brier_before
        assert summary.error_after < summary.error_before

    def test_cross_validation_chooses_the_method_that_fits_the_world(self):
        _, smooth = overconfident(400)
        _, stepped = overconfident(1_500, link=lambda score: np.where(score > 1.5, 0.95, 0.55))
        assert fit_confidence(smooth, np.random.default_rng(0)).summary.method == "platt"
        assert fit_confidence(stepped, np.random.default_rng(0)).summary.method == "isotonic"

    def test_out_of_fold_figures_are_not_flattered(self):
        """Parts that say nothing: no model can beat the variance of a coin, 0.25, out of fold."""
        generator = np.random.default_rng(8)
        noise = [
            outcome(i, {"a": float(a), "b": float(b)}, w)
            for i, (a, b, w) in enumerate(
                zip(generator.random(80), generator.random(80), generator.random(80) < 0.5, strict=True)
            )
        ]
        assert fit_confidence(noise, np.random.default_rng(0)).summary.brier_after > 0.24

    def test_different_parts_are_refused(self):
        with pytest.raises(OutcomesUnusable, match="parts"):
            fit_confidence([outcome(1, {"a": 0.5}, 0), outcome(2, {"b": 0.5}, 0)], np.random.default_rng(0))


class TestTooFew:
    @pytest.mark.parametrize(("count", "wrong"), [(0, 0), (30, 3), (400, 2)])
    def test_it_says_so_and_stays_below_the_rate_seen(self, count, wrong):
        outcomes = [outcome(i, {"a": 0.9}, i < wrong) for i in range(count)]
        fitted = fit_confidence(outcomes, np.random.default_rng(0))
        assert not fitted.summary.calibrated
        assert "not calibrated" in fitted.summary.reason
        assert probability(fitted.model, {"a": 1.0}) <= (1 - wrong / count if count else 0.0)

    def test_the_lower_limit_is_clopper_pearsons(self):
        """59 right of 59: the 95 % lower limit is 0.05^(1/59)."""
        fitted = fit_confidence([outcome(i, {"a": 0.9}, 0) for i in range(59)], np.random.default_rng(0))
        assert probability(fitted.model, {"a": 1.0}) == pytest.approx(0.05 ** (1 / 59))


MODELS = [
    fit_confidence(overconfident(400)[1], np.random.default_rng(0)).model,
    fit_confidence(
        overconfident(1_500, link=lambda score: np.where(score > 1.5, 0.95, 0.55))[1], np.random.default_rng(0)
    ).model,
    ConfidenceModel(method="bound", bound=0.8),
]


class TestModel:
    @settings(max_examples=200)
    @given(st.sampled_from(MODELS), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
    def test_a_surer_part_never_makes_the_whole_less_sure(self, model, first, second, other):
        low, high = sorted((first, second))
        less = probability(model, {"agreement": low, "margin": other})
        more = probability(model, {"agreement": high, "margin": other})
        assert 0 <= less <= more + 1e-12 <= 1 + 1e-12

    @pytest.mark.parametrize("model", MODELS, ids=lambda model: model.method)
    def test_it_survives_storage_and_takes_under_a_tenth_of_a_millisecond(self, model):
        stored = ConfidenceModel.model_validate_json(model.model_dump_json())
        parts = {"agreement": 0.7, "margin": 0.4}
        assert probability(stored, parts) == probability(model, parts)
        best = min(self.seconds_for_a_hundred(stored, parts) for _ in range(10))
        assert best / 100 < 1e-4

    def seconds_for_a_hundred(self, model, parts):
        begun = time.thread_time()
        for _ in range(100):
            probability(model, parts)
        return time.thread_time() - begun

    @pytest.mark.parametrize("parts", [{"agreement": 0.5}, {"agreement": 0.5, "margin": 0.5, "more": 0.5}, {}])
    def test_other_parts_than_those_fitted_are_refused(self, parts):
        with pytest.raises(PartsMismatch, match="parts"):
            probability(MODELS[0], parts)
