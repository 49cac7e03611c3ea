"""The certified threshold, against published counts, exact limits, and populations of known risk."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binomtest

from voicehive.autonomy.trust.errors import OutcomesUnusable
from voicehive.autonomy.trust.guarantee import certify, threshold_p_values
from voicehive.autonomy.trust.p_values import (
    betting_p_value,
    binomial_p_value,
    faultless_needed,
    hoeffding_bentkus_p_value,
)
from voicehive.autonomy.trust.promise import RiskPromise
from voicehive.autonomy.trust.threshold_peers import (
    bonferroni_threshold,
    naive_threshold,
    selection_with_guaranteed_risk,
)
from voicehive.autonomy.trust.threshold_sequence import learn_sequence, threshold_grid

PROMISE = RiskPromise(alpha=0.05, delta=0.05)


def population(generator, count):
    """Confidences uniform in [0, 1]; wrong with probability (1 - c)^3: the risk above t is (1 - t)^3 / 4."""
    confidences = generator.random(count)
    return confidences, (generator.random(count) < (1 - confidences) ** 3).astype(float)


def risk_above(threshold):
    return (1 - threshold) ** 3 / 4


class TestPValues:
    @pytest.mark.parametrize(("alpha", "needed"), [(0.01, 299), (0.02, 149), (0.05, 59)])
    def test_the_published_counts_of_faultless_outcomes_certify_and_one_fewer_does_not(self, alpha, needed):
        assert faultless_needed(0, 0, alpha, 0.05) == needed
        promise = RiskPromise(alpha=alpha, delta=0.05)
        enough = certify(np.zeros(1), np.ones(needed), np.zeros(needed), promise)
        short = certify(np.zeros(1), np.ones(needed - 1), np.zeros(needed - 1), promise)
        assert enough.threshold == 0.0
        assert enough.more_faultless == 0
        assert short.threshold is None
        assert short.more_faultless == 1

    @given(st.integers(1, 400), st.data(), st.floats(0.005, 0.3))
    def test_binomial_agrees_with_the_clopper_pearson_limit(self, accepted, data, alpha):
        faults = data.draw(st.integers(0, accepted))
        p_value = float(binomial_p_value(np.array(faults), np.array(accepted), alpha))
        assert p_value == pytest.approx(binomtest(faults, accepted, alpha, alternative="less").pvalue, rel=1e-9)
        limit = beta.ppf(0.95, faults + 1, accepted - faults) if faults < accepted else 1.0
        if abs(limit - alpha) > 1e-9:
            assert (p_value <= 0.05) == (limit < alpha)

    @given(st.integers(0, 40), st.integers(0, 300))
    def test_faults_cost_more_faultless_outcomes(self, faults, right):
        more = faultless_needed(faults, faults + right, 0.05, 0.05)
        assert binomtest(faults, faults + right + more, 0.05, alternative="less").pvalue <= 0.05 if more else True
        if more:
            fewer = faults + right + more - 1
            assert fewer == 0 or binomtest(faults, fewer, 0.05, alternative="less").pvalue > 0.05
        assert faultless_needed(faults + 1, faults + 1 + right, 0.05, 0.05) >= more

    @pytest.mark.parametrize("method", ["betting", "hoeffding-bentkus"])
    def test_costs_of_mean_alpha_are_certified_at_most_delta_often(self, method):
        """Costs Beta(1, 19) have mean 0.05 exactly; 4,000 samples of 200: 0.05 + 3 standard errors is 0.0603."""
        costs = np.random.default_rng(1).beta(1.0, 19.0, size=(4_000, 200))
        if method == "betting":
            p_values = np.array([betting_p_value(row, 0.05, 0.05) for row in costs])
        else:
            p_values = hoeffding_bentkus_p_value(costs.sum(axis=1), np.full(4_000, 200.0), 0.05)
        assert np.mean(p_values <= 0.05) <= 0.0603

    def test_betting_certifies_small_costs_that_hoeffding_bentkus_cannot(self):
        costs = np.random.default_rng(2).beta(1.0, 99.0, size=(500, 100))
        betting = np.mean([betting_p_value(row, 0.05, 0.05) <= 0.05 for row in costs])
        bentkus = np.mean(hoeffding_bentkus_p_value(costs.sum(axis=1), np.full(500, 100.0), 0.05) <= 0.05)
        assert betting > 0.9
        assert betting > bentkus + 0.2

    def test_hoeffding_bentkus_by_hand(self):
        """No loss in 100 at alpha 0.05: Hoeffding gives 0.95^100 = 0.00592, Bentkus e times that."""
        assert float(hoeffding_bentkus_p_value(np.array(0.0), np.array(100.0), 0.05)) == pytest.approx(0.95**100)


class TestCertify:
    def test_the_walk_ends_at_the_first_failure_even_where_a_later_threshold_would_pass(self):
        """0.9: 60 right. 0.5: 3 wrong of 63 (fails). 0.1: 3 wrong of 263 (p = 0.001 would pass, but is not reached)."""
        confidences = np.repeat([0.95, 0.6, 0.2], [60, 3, 200])
        losses = np.repeat([0.0, 1.0, 0.0], [60, 3, 200])
        certificate = certify(np.array([0.9, 0.5, 0.1]), confidences, losses, PROMISE)
        assert certificate.threshold == 0.9
        assert (certificate.accepted, certificate.tested) == (60, 263)
        assert certificate.coverage == pytest.approx(60 / 263)
        assert certify(np.array([0.1]), confidences, losses, PROMISE).threshold == 0.1

    def test_nothing_recorded_certifies_nothing_and_says_what_it_takes(self):
        certificate = certify(np.zeros(1), np.zeros(0), np.zeros(0), PROMISE)
        assert certificate.threshold is None
        assert certificate.more_faultless == 59
        assert "59 more" in certificate.reason

    def test_fractions_are_refused_where_binary_losses_were_declared(self):
        with pytest.raises(OutcomesUnusable, match="bounded"):
            certify(np.zeros(1), np.ones(2), np.array([0.0, 0.3]), PROMISE)

    @pytest.mark.parametrize("losses", [[-0.1], [1.1], [np.nan]])
    def test_losses_outside_0_to_1_are_refused(self, losses):
        with pytest.raises(OutcomesUnusable, match="0 to 1"):
            certify(np.zeros(1), np.ones(1), np.array(losses), PROMISE.model_copy(update={"losses": "bounded"}))

    def test_thresholds_that_do_not_fall_are_refused(self):
        with pytest.raises(OutcomesUnusable, match="falling"):
            certify(np.array([0.1, 0.5]), np.ones(1), np.zeros(1), PROMISE)

    @settings(max_examples=60)
    @given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=150), st.floats(0.05, 0.4))
    def test_a_greater_alpha_never_covers_less(self, cases, alpha):
        confidences = np.array([case[0] for case in cases])
        losses = np.array([float(case[1]) for case in cases])
        grid = threshold_grid(np.linspace(0, 1, 30))
        strict, lax = (
            certify(grid, confidences, losses, RiskPromise(alpha=level, delta=0.1)) for level in (alpha, alpha + 0.1)
        )
        assert lax.coverage >= strict.coverage


class TestKnownRisk:
    """150 runs on a population whose risk above any threshold is known, so what breaks the promise is no guess."""

    def run(self, choose, runs=150, promise=PROMISE):
        generator = np.random.default_rng(7)
        thresholds = []
        for _ in range(runs):
            training, test = population(generator, 300), population(generator, 300)
            thresholds.append(choose(training, test, promise, generator))
        broken = np.mean([t is not None and risk_above(t) > promise.alpha for t in thresholds])
        return broken, np.mean([0.0 if t is None else 1 - t for t in thresholds])

    def ours(self, training, test, promise, generator):
        sequence = learn_sequence(*training, len(test[0]), promise, generator)
        return certify(sequence, *test, promise).threshold

    def test_the_promise_is_kept_and_peers_cover_less(self):
        """The lowest honest threshold is 1 - 0.2^(1/3): coverage 0.585. 0.05 + 3 standard errors over 150: 0.103."""
        broken, coverage = self.run(self.ours)
        peers = (
            lambda training, test, promise, _: bonferroni_threshold(threshold_grid(training[0])[1::2], *test, promise),
            lambda _training, test, promise, _generator: selection_with_guaranteed_risk(*test, promise),
        )
        assert broken <= 0.103
        for peer in peers:
            peer_broken, peer_coverage = self.run(peer)
            assert peer_broken <= 0.103
            assert coverage > peer_coverage

    def test_the_naive_threshold_breaks_it(self):
        broken, _ = self.run(lambda _training, test, promise, _generator: naive_threshold(*test, promise))
        assert broken > 0.3

    def test_a_start_picked_on_the_test_outcomes_would_break_it(self):
        """What the design forbids: the risk is just above alpha everywhere, and the best p-value is believed."""
        generator = np.random.default_rng(11)
        grid = threshold_grid(np.linspace(0, 1, 400))
        picked, fixed = [], []
        for run in range(1_000):
            confidences, losses = generator.random(300), (generator.random(300) < 0.0501).astype(float)
            picked.append(threshold_p_values(grid, confidences, losses, PROMISE).min() <= PROMISE.delta)
            if run < 150:
                own = generator.random(300), (generator.random(300) < 0.0501).astype(float)
                sequence = learn_sequence(*own, 300, PROMISE, generator)
                fixed.append(certify(sequence, confidences, losses, PROMISE).threshold is not None)
        assert np.mean(picked) > 0.08
        assert np.mean(fixed) <= 0.05 + 3 * np.sqrt(0.0475 / 150)

    def test_costs_are_held_below_alpha_too(self):
        """Every wrong decision costs 0.5: the mean cost above t is (1 - t)^3 / 8."""
        promise = RiskPromise(alpha=0.05, delta=0.05, losses="bounded")
        generator = np.random.default_rng(3)
        found = []
        for _ in range(100):
            training, test = population(generator, 300), population(generator, 300)
            sequence = learn_sequence(training[0], training[1] / 2, 300, promise, generator)
            found.append(certify(sequence, test[0], test[1] / 2, promise).threshold)
        assert np.mean([t is not None and (1 - t) ** 3 / 8 > 0.05 for t in found]) <= 0.05 + 3 * np.sqrt(0.0475 / 100)
        assert np.mean([0.0 if t is None else 1 - t for t in found]) > 0.4


class TestSequence:
    def test_the_sequence_is_a_falling_tail_of_the_grid_that_accepts_everything_last(self):
        generator = np.random.default_rng(5)
        confidences, losses = population(generator, 200)
        sequence = learn_sequence(confidences, losses, 200, PROMISE, generator)
        grid = threshold_grid(confidences)
        assert sequence.tolist() == grid[-len(sequence) :].tolist()
        assert sequence[-1] == 0.0

    def test_without_training_outcomes_only_accepting_everything_is_tested(self):
        sequence = learn_sequence(np.zeros(0), np.zeros(0), 100, PROMISE, np.random.default_rng(0))
        assert sequence.tolist() == [0.0]

    def test_the_fewer_are_tested_the_laxer_it_begins(self):
        """A threshold that accepts fewer than 59 of those tested can never pass, so no walk may begin there."""
        generator = np.random.default_rng(6)
        confidences = generator.random(400)
        losses = (generator.random(400) < 0.2 * (1 - confidences) ** 3).astype(float)
        few, many = (learn_sequence(confidences, losses, size, PROMISE, generator)[0] for size in (100, 2_000))
        assert few < many
        assert np.mean(confidences >= few) > 0.55
