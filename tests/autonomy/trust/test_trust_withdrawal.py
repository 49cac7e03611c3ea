"""The watch over what runs alone: false alarms within the level, harm found soon, and the wealth by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from voicehive.autonomy.trust.withdrawal import RiskMonitor, begin_monitor, fold_outcome


def withdrawals(losses, alpha=0.05):
    """At which outcome each run (R, N) is withdrawn; 0 where it never is."""
    found = []
    for run in losses:
        monitor = begin_monitor(alpha)
        for loss in run.tolist():
            monitor = fold_outcome(monitor, loss)
            if monitor.withdrawn:
                break
        found.append(monitor.withdrawn_at or 0)
    return np.array(found)


class TestFalseWithdrawals:
    def test_at_a_risk_of_exactly_alpha_at_most_the_level_is_ever_withdrawn(self):
        """200 runs of 600 outcomes, looked at after each; 0.05 + 3 standard errors is 0.096."""
        losses = (np.random.default_rng(1).random((200, 600)) < 0.05).astype(float)
        assert np.mean(withdrawals(losses) > 0) <= 0.096

    def test_costs_of_mean_alpha_keep_the_level_too(self):
        losses = np.random.default_rng(2).beta(0.2, 3.8, (150, 400))
        assert np.mean(withdrawals(losses) > 0) <= 0.05 + 3 * np.sqrt(0.0475 / 150)

    @pytest.mark.parametrize("alpha", [0.01, 0.05, 0.5])
    @given(outcomes=st.lists(st.booleans(), max_size=30))
    def test_the_evidence_is_a_martingale_at_a_risk_of_alpha(self, alpha, outcomes):
        monitor = begin_monitor(alpha)
        for wrong in outcomes:
            monitor = fold_outcome(monitor, float(wrong))
        if not monitor.withdrawn:
            after = [fold_outcome(monitor, loss).evidence for loss in (0.0, 1.0)]
            expected = (1 - alpha) * after[0] + alpha * after[1]
            assert expected == pytest.approx(monitor.evidence, rel=1e-9)


class TestPower:
    def test_twice_the_risk_is_found_soon(self):
        losses = (np.random.default_rng(3).random((100, 1_500)) < 0.10).astype(float)
        found = withdrawals(losses)
        assert np.mean(found > 0) > 0.95
        assert np.median(found[found > 0]) < 400

    def test_a_long_good_record_does_not_delay_the_alarm(self):
        """After 1,000 outcomes at 1 % the risk turns to 30 %: with one start only, the lost wealth must be won back."""
        generator = np.random.default_rng(4)
        good = (generator.random((50, 1_000)) < 0.01).astype(float)
        bad = (generator.random((50, 200)) < 0.3).astype(float)
        found = withdrawals(np.hstack((good, bad)))
        assert np.mean(found > 1_000) > 0.95
        assert np.median(found[found > 1_000]) - 1_000 < 45

    def test_a_row_of_faults_withdraws_at_once(self):
        monitor = begin_monitor(0.05)
        for _ in range(5):
            monitor = fold_outcome(monitor, 1.0)
        assert monitor.withdrawn_at is not None
        assert monitor.withdrawn_at <= 3


class TestState:
    def test_the_first_fault_by_hand(self):
        """One stake of 10 at alpha 0.05: the share staked, 1 - 1 / (1 + ln 2) = 0.40938, times 1 + 10 x 0.95 = 10.5."""
        monitor = RiskMonitor(alpha=0.05, level=0.05, stakes=(10.0,), wealth=(0.0,))
        assert monitor.evidence == 1.0
        after = fold_outcome(monitor, 1.0)
        assert after.wealth == pytest.approx((4.29853,), abs=1e-5)
        assert after.evidence == pytest.approx(4.29853 + 0.59062, abs=2e-5)

    def test_it_survives_storage_and_stays_withdrawn(self):
        monitor = begin_monitor(0.05)
        for _ in range(4):
            monitor = RiskMonitor.model_validate_json(fold_outcome(monitor, 1.0).model_dump_json())
        first = monitor.withdrawn_at
        for _ in range(2_000):
            monitor = fold_outcome(monitor, 0.0)
        assert monitor.withdrawn_at == first
        assert (monitor.outcomes, monitor.loss) == (2_004, 4.0)

    def test_a_stake_that_could_lose_more_than_all_is_refused(self):
        with pytest.raises(ValidationError, match="negative"):
            RiskMonitor(alpha=0.5, level=0.05, stakes=(3.0,), wealth=(0.0,))

    @pytest.mark.parametrize("loss", [-0.1, 1.1, float("nan")])
    def test_a_loss_outside_0_to_1_is_refused(self, loss):
        with pytest.raises(ValueError, match="loss"):
            fold_outcome(begin_monitor(0.05), loss)
