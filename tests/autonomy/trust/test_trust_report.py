"""What stands in force: earned by outcomes, kept apart from what chose it, lost at once."""

from datetime import UTC, datetime

import numpy as np
import pytest

from voicehive.autonomy.trust.errors import PartsMismatch
from voicehive.autonomy.trust.outcome import Outcome, is_training
from voicehive.autonomy.trust.promise import RiskPromise
from voicehive.autonomy.trust.report import TrustReport, measure_trust

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PROMISE = RiskPromise(alpha=0.05, delta=0.05)


def recorded(count, seed=1, risk=lambda sure: (1 - sure) ** 3, kind="staffing"):
    generator = np.random.default_rng(seed)
    sure = generator.random(count)
    wrong = generator.random(count) < risk(sure)
    return [
        Outcome(decision_id=f"{seed}-{i}", kind=kind, parts={"margin": s}, confidence=s, loss=float(w), at=NOW)
        for i, (s, w) in enumerate(zip(sure.tolist(), wrong.tolist(), strict=True))
    ]


def measured(outcomes, promise=PROMISE):
    return measure_trust("staffing", outcomes, promise, np.random.default_rng(0), at=NOW)


class TestSides:
    def test_an_outcome_keeps_its_side_and_about_half_are_on_each(self):
        names = [f"decision-{number}" for number in range(2_000)]
        sides = [is_training(name) for name in names]
        assert sides == [is_training(name) for name in names]
        assert 900 < sum(sides) < 1_100
        assert all(is_training(name, 0.7) for name, side in zip(names, sides, strict=True) if side)


class TestReport:
    def test_trust_is_earned_and_the_sure_run_alone(self):
        report = measured(recorded(800))
        assert report.calibration.calibrated
        assert report.threshold is not None
        assert report.allows({"margin": 0.99})
        assert not report.allows({"margin": 0.05})

    def test_without_outcomes_nothing_runs_alone_and_it_says_what_is_missing(self):
        report = measured([])
        assert report.threshold is None
        assert not report.allows({"margin": 1.0})
        assert report.certificate.more_faultless == 59
        assert "59" in report.reason
        assert not report.calibration.calibrated

    def test_outcomes_of_another_kind_earn_nothing(self):
        assert measured(recorded(800, kind="routing")).certificate.tested == 0

    def test_reports_of_many_histories_keep_the_promise(self):
        """60 histories through calibration and all; risk above margin t is (1 - t)^3 / 4; 3 standard errors: 0.134."""
        broken = 0
        for seed in range(60):
            report = measured(recorded(400, seed=seed + 10))
            lowest = next((m for m in np.linspace(0, 1, 201).tolist() if report.allows({"margin": m})), 1.0)
            broken += (1 - lowest) ** 3 / 4 > PROMISE.alpha
        assert broken / 60 <= 0.134

    def test_faults_of_what_ran_alone_withdraw_it_at_once(self):
        report = measured(recorded(800))
        for _ in range(4):
            report = report.observed(1.0)
        assert report.threshold is None
        assert not report.allows({"margin": 0.99})
        assert report.certificate.threshold is not None
        assert "withdrawn" in report.reason

    def test_a_running_monitor_is_kept_over_a_new_fit(self):
        monitor = measured([]).observed(1.0).monitor
        report = measure_trust("staffing", recorded(800), PROMISE, np.random.default_rng(0), at=NOW, monitor=monitor)
        assert report.monitor == monitor

    def test_it_survives_storage(self):
        report = measured(recorded(800))
        assert TrustReport.model_validate_json(report.model_dump_json()) == report

    def test_unknown_parts_are_refused(self):
        with pytest.raises(PartsMismatch, match="agreement"):
            measured(recorded(800)).allows({"agreement": 0.9})
