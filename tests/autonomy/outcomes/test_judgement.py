from datetime import timedelta

import numpy as np
import pytest

from tests.autonomy.outcomes.watches import SERIES, fold, metric, minute, watch
from voicehive.autonomy.outcomes.beginning import begin
from voicehive.autonomy.outcomes.errors import WatchMismatch
from voicehive.autonomy.outcomes.judgement import judge
from voicehive.autonomy.outcomes.verdict import OutcomeVerdict
from voicehive.autonomy.outcomes.watch import GuardRail, OutcomeWatch

NORMAL = np.random.default_rng(11).standard_normal(400)
BASELINE = (10 + NORMAL[:100]).tolist()
AFTER = 10 + NORMAL[100:200]
DECLARED = watch(metric(baseline=BASELINE, planned_degradation=1.0))


def judged(declared: OutcomeWatch, values: list[float | None], now: float | None = None) -> OutcomeVerdict:
    state = fold(declared, begin(declared, minute(0)), values)
    return judge(declared, state, minute(len(values) if now is None else now))


def test_no_data_is_unclear_and_never_good():
    early, late = judged(DECLARED, [None] * 10), judged(DECLARED, [None] * 10, now=100)
    assert (early.verdict, early.final) == ("unclear", False)
    assert (late.verdict, late.final) == ("unclear", True)
    assert late.reasons == ("answer_time: no usable reading has come", "the window is over")
    assert late.metrics[0].mean_after is None


def test_a_degradation_is_bad_with_its_numbers():
    verdict = judged(DECLARED, (AFTER[:30] + 2).tolist())
    assert (verdict.verdict, verdict.final) == ("bad", True)
    one = verdict.metrics[0]
    assert one.degradation == pytest.approx(AFTER[:30].mean() + 2 - np.mean(BASELINE))
    assert one.degraded_e_value == pytest.approx(one.degraded_needed) == pytest.approx(20)
    assert (
        f"worse ({one.degradation:.4g} s, from {one.mean_before:.4g} to {one.mean_after:.4g} s)" in verdict.reasons[0]
    )


def test_a_change_without_effect_becomes_good_and_the_degradation_it_excludes_is_named():
    verdict = judged(DECLARED, AFTER[:60].tolist())
    assert (verdict.verdict, verdict.final) == ("good", True)
    assert "worse by less than 1 s (measured " in verdict.reasons[0]


def test_good_waits_for_the_least_window_and_is_overridden_by_a_later_degradation():
    patient = watch(metric(baseline=BASELINE, planned_degradation=1.0), least_window=timedelta(minutes=80))
    good = judged(patient, AFTER[:40].tolist())
    assert (good.verdict, good.final) == ("good", False)
    slow = judged(patient, [*AFTER[:40].tolist(), *(AFTER[40:100] + 4).tolist()])
    assert slow.verdict == "bad"


def test_one_bad_metric_is_enough_and_every_metric_must_be_good():
    other = metric(name="cost", baseline=BASELINE, planned_degradation=1.0)
    declared = watch(metric(baseline=BASELINE, planned_degradation=1.0), other)
    state = fold(declared, begin(declared, minute(0)), AFTER[:60].tolist())
    undecided = judge(declared, state, minute(60))
    assert [one.verdict for one in undecided.metrics] == ["good", "unclear"]
    assert undecided.verdict == "unclear"
    assert undecided.reasons == ("cost: no usable reading has come",)
    assert judge(declared, fold(declared, state, AFTER[:60].tolist(), name="cost"), minute(60)).verdict == "good"
    bad = judge(declared, fold(declared, state, (AFTER[:60] + 3).tolist(), name="cost"), minute(60))
    assert bad.verdict == "bad"
    assert bad.metrics[1].degraded_needed == pytest.approx(40), "alpha is divided between two metrics"


def test_a_metric_most_of_whose_readings_are_missing_is_not_good():
    few = judged(DECLARED, AFTER[:30].tolist(), now=90)
    assert few.verdict == "unclear"
    assert "only 30 of 90 readings came" in few.reasons[0]


def test_a_breached_guard_rail_is_bad_at_once_even_where_nothing_can_be_tested():
    declared = watch(
        metric(baseline=(), guard_rail=GuardRail(limit=12.0, in_a_row=2)), baseline_period=timedelta(hours=1)
    )
    assert judged(declared, [13.0]).verdict == "unclear"
    verdict = judged(declared, [13.0, 12.5])
    assert (verdict.verdict, verdict.final) == ("bad", True)
    assert verdict.reasons == ("answer_time: 2 readings in a row were beyond the guard-rail of 12 s at 12:01:00",)


def test_a_window_too_short_for_its_plan_says_what_it_would_take():
    short = watch(metric(baseline=BASELINE, planned_degradation=0.6), window=timedelta(minutes=5))
    reasons = judged(short, AFTER[:5].tolist()).reasons
    assert "a test that looks once would need" in reasons[0]
    assert "the window holds 5" in reasons[0]
    tiny = watch(metric(baseline=BASELINE[:60], planned_degradation=0.1))
    assert "give more of them" in judged(tiny, AFTER[:5].tolist()).reasons[0]


def test_a_canary_is_compared_with_its_control():
    declared = watch(metric(baseline=BASELINE, control=SERIES), metric(name="b", baseline=(), control=SERIES))
    verdict = judge(declared, begin(declared, minute(0)), minute(1))
    assert [one.mean_before for one in verdict.metrics] == [pytest.approx(np.mean(BASELINE)), 0.0]


def test_shares_of_few_values_are_called_good_and_bad():
    generator = np.random.default_rng(3)
    before, same, worse = (generator.binomial(50, chance, 400) / 50 for chance in (0.1, 0.1, 0.14))
    declared = watch(metric(baseline=before.tolist(), planned_degradation=0.03))
    assert judged(declared, same[:100].tolist()).verdict == "good"
    assert judged(declared, worse[:100].tolist()).verdict == "bad"


def test_a_state_of_another_watch_is_refused():
    with pytest.raises(WatchMismatch):
        judge(watch(), begin(DECLARED, minute(0)), minute(1))
