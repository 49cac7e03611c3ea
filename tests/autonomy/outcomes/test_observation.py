from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.autonomy.outcomes.watches import SERIES, fold, metric, minute, watch
from voicehive.autonomy.outcomes.beginning import begin
from voicehive.autonomy.outcomes.errors import WatchMismatch
from voicehive.autonomy.outcomes.observation import observe
from voicehive.autonomy.outcomes.points import MetricPoint
from voicehive.autonomy.outcomes.sequential_ranks import readings_for_scale
from voicehive.autonomy.outcomes.simulation import rank_evidence, sign_evidence
from voicehive.autonomy.outcomes.state import Counts, RankEvidence, SignEvidence, WatchState
from voicehive.autonomy.outcomes.watch import GuardRail, OutcomeWatch

NORMAL = np.random.default_rng(7).standard_normal(300).tolist()
DECLARED = watch(metric(baseline=NORMAL[:100]))
FINITE = st.floats(-5, 5)


def total(state: WatchState) -> tuple[float, float]:
    evidence = state.metrics[0].evidence
    assert evidence is not None
    return evidence.degraded, evidence.unharmed


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.5])
def test_reading_by_reading_gives_what_the_simulation_of_whole_series_gives(shift: float):
    after = [number + shift for number in NORMAL[100:200]]
    expected = rank_evidence(
        np.array([NORMAL[:100]]), np.array([after]), 0.5, np.random.default_rng(1), alpha=0.05, miss=DECLARED.miss
    )
    state = begin(DECLARED, minute(0))
    for number, value in enumerate(after):
        state = observe(DECLARED, state, [MetricPoint.of("answer_time", minute(number), value)])
        state = WatchState.model_validate_json(state.model_dump_json())
        if state.metrics[0].degraded_at is not None:
            break
        assert total(state)[0] == pytest.approx(expected.degraded[0, number])
        assert total(state)[1] == pytest.approx(expected.unharmed[0, number])
    assert (state.metrics[0].degraded_at is not None) == bool(expected.ever_degraded[0])


def test_a_canary_gives_what_the_simulation_of_its_differences_gives():
    declared = watch(metric(baseline=(), control=SERIES, planned_degradation=0.3))
    canary, control = np.array(NORMAL[:50]), np.array(NORMAL[50:100])
    expected = sign_evidence((canary - control)[None], 0.3, alpha=0.05, miss=declared.miss)
    points = [
        MetricPoint.of("answer_time", minute(number), *pair)
        for number, pair in enumerate(zip(canary, control, strict=True))
    ]
    state = observe(declared, begin(declared, minute(0)), points)
    assert isinstance(state.metrics[0].evidence, SignEvidence)
    assert total(state)[0] == pytest.approx(expected.degraded[0, -1])
    assert total(state)[1] == pytest.approx(expected.unharmed[0, -1])


def test_a_canary_with_a_baseline_is_compared_with_its_differences_from_before():
    declared = watch(metric(baseline=NORMAL[:100], control=SERIES))
    plain = fold(DECLARED, begin(DECLARED, minute(0)), NORMAL[100:140])
    points = [MetricPoint.of("answer_time", minute(at), NORMAL[100 + at] + 50.0, 50.0) for at in range(40)]
    state = observe(declared, begin(declared, minute(0)), points)
    assert total(state) == pytest.approx(total(plain))


@settings(deadline=None, max_examples=30)
@given(values=st.lists(FINITE, min_size=1, max_size=30))
def test_more_is_better_mirrors_less_is_better(values: list[float]):
    mirrored = watch(metric(direction="maximize", baseline=[-number for number in NORMAL[:100]]))
    one = fold(DECLARED, begin(DECLARED, minute(0)), values)
    other = fold(mirrored, begin(mirrored, minute(0)), [-value for value in values])
    if len(set(values) | set(NORMAL[:100])) == len(values) + 100:  # ties are broken differently in another watch
        assert total(one) == pytest.approx(total(other))


@settings(deadline=None, max_examples=30)
@given(values=st.lists(FINITE | st.none() | st.just(float("nan")) | st.just(float("inf")), max_size=20))
def test_the_same_points_again_change_nothing_but_the_counts(values: list[float | None]):
    once = fold(DECLARED, begin(DECLARED, minute(0)), values)
    again = fold(DECLARED, once, values)
    without_counts = {"metrics": {0: {"counts"}}}
    assert again.model_dump(exclude=without_counts) == once.model_dump(exclude=without_counts)
    assert again.metrics[0].counts.folded == sum(value is not None and abs(value) < 6 for value in values)


@settings(deadline=None, max_examples=30)
@given(worse=st.lists(st.tuples(FINITE, st.floats(0, 3)), min_size=1, max_size=12))
def test_a_reading_that_is_worse_never_speaks_less_for_a_degradation(worse: list[tuple[float, float]]):
    begun = fold(DECLARED, begin(DECLARED, minute(0)), [value for value, _ in worse[:-1]])
    value, extra = worse[-1]
    mild = fold(DECLARED, begun, [value], first=len(worse) - 1)
    bad = fold(DECLARED, begun, [value + extra], first=len(worse) - 1)
    assert total(bad)[0] >= total(mild)[0] - 1e-9
    assert total(bad)[1] <= total(mild)[1] + 1e-9


def test_what_cannot_be_used_is_counted_by_its_cause():
    moments = [
        (-1, 1.0),
        (0, 1.0),
        (0.5, 2.0),
        (3, None),
        (3, float("nan")),
        (3, 1e200),
        (3, 1.0),
        (2, 1.0),
        (100, 1.0),
    ]
    points = [MetricPoint.of("answer_time", minute(at), value) for at, value in moments]
    state = observe(DECLARED, begin(DECLARED, minute(0)), points).metrics[0]
    assert state.counts == Counts(folded=2, missing=3, late=1, duplicate=1, outside=2)
    assert state.mean == 1.0


def test_a_canary_without_its_control_is_missing():
    declared = watch(metric(baseline=(), control=SERIES))
    state = fold(declared, begin(declared, minute(0)), [1.0, 2.0])
    assert state.metrics[0].counts == Counts(missing=2)


def test_a_guard_rail_is_breached_by_so_many_readings_in_a_row():
    declared = watch(metric(guard_rail=GuardRail(limit=30.0, in_a_row=3)))
    started = begin(declared, minute(0))
    assert fold(declared, started, [31.0, 31.0, 30.0, 31.0, 31.0]).metrics[0].breached_at is None
    # A missing reading does not make it whole again.
    breached = fold(declared, started, [31.0, 31.0, None, 31.0, 1.0]).metrics[0]
    assert breached.breached_at == minute(3)
    floor = watch(metric(direction="maximize", guard_rail=GuardRail(limit=3.0)))
    assert fold(floor, begin(floor, minute(0)), [3.0]).metrics[0].breached_at is None
    assert fold(floor, begin(floor, minute(0)), [2.9]).metrics[0].breached_at == minute(0)


def test_readings_are_averaged_into_blocks():
    declared = watch(metric(baseline=NORMAL[:200]), readings_per_block=4)
    state = fold(declared, begin(declared, minute(0)), [1.0, 2.0, 3.0, 4.0, 9.0]).metrics[0]
    assert isinstance(state.evidence, RankEvidence)
    assert state.evidence.after == (2.5,)
    assert state.partial == (9.0,)
    assert len(state.evidence.reference) == 50 - readings_for_scale(50)


def test_dependent_readings_count_for_less_each():
    walk = np.repeat(NORMAL, 3).tolist()
    state = begin(watch(metric(baseline=walk)), minute(0)).metrics[0]
    assert isinstance(state.evidence, RankEvidence)
    assert state.evidence.inflation == pytest.approx(3, rel=0.3)
    independent = begin(watch(metric(baseline=NORMAL)), minute(0)).metrics[0]
    assert (state.needed_readings or 0) > 2 * (independent.needed_readings or 1_000)
    short = begin(watch(metric(baseline=np.repeat(NORMAL[:10], 5))), minute(0)).metrics[0]
    assert "resemble their neighbours" in short.untestable


@pytest.mark.parametrize("chance", [0.04, 0.1])
def test_counts_of_rare_cases_give_what_the_simulation_of_whole_series_gives(chance: float):
    generator = np.random.default_rng(5)
    before, after = generator.binomial(50, 0.04, 200) / 50, generator.binomial(50, chance, 60) / 50
    declared = watch(metric(baseline=before, planned_degradation=0.02))
    state = fold(declared, begin(declared, minute(0)), after.tolist())
    terms = {"alpha": 0.05, "miss": declared.miss}
    # Ties are broken at random by both.
    drawn = [rank_evidence(before[None], after[None], 0.02, generator, **terms) for _ in range(40)]
    degraded = [one.degraded[0, -1] for one in drawn]
    assert min(degraded) - 0.5 <= total(state)[0] <= max(degraded) + 0.5
    if state.metrics[0].degraded_at is None:  # else it was not watched on
        unharmed = [one.unharmed[0, -1] for one in drawn]
        assert min(unharmed) - 0.5 <= total(state)[1] <= max(unharmed) + 0.5


def test_a_metric_that_never_varied_still_shows_a_degradation():
    declared = watch(metric(baseline=(0.0,) * 100, planned_degradation=0.01))
    state = fold(declared, begin(declared, minute(0)), [0.02] * 10).metrics[0]
    assert state.degraded_at is not None
    assert fold(declared, begin(declared, minute(0)), [0.0] * 100).metrics[0].degraded_at is None


def test_too_small_a_baseline_is_said_and_leaves_the_guard_rail():
    declared = watch(metric(baseline=(1.0, 2.0), guard_rail=GuardRail(limit=5.0)))
    state = begin(declared, minute(0))
    assert "2 readings from before the change are too few" in state.metrics[0].untestable
    assert fold(declared, state, [6.0]).metrics[0].breached_at == minute(0)


def test_baselines_that_were_read_are_used_and_what_is_no_number_is_left_out():
    declared = watch(metric(baseline=()), baseline_period=timedelta(hours=2))
    read = {"answer_time": [*NORMAL[:50], None, float("nan"), float("inf"), *NORMAL[50:100]]}
    given_directly = begin(watch(metric(baseline=NORMAL[:100])), minute(0)).metrics
    assert begin(declared, minute(0), read).metrics == given_directly
    assert "no readings from before" in begin(declared, minute(0)).metrics[0].untestable


def test_what_belongs_to_another_watch_is_refused():
    state = begin(DECLARED, minute(0))
    with pytest.raises(WatchMismatch, match="another watch"):
        observe(OutcomeWatch.model_validate(dict(DECLARED) | {"alpha": 0.01}), state, [])
    with pytest.raises(WatchMismatch, match="'other' is not a metric"):
        fold(DECLARED, state, [1.0], name="other")
    with pytest.raises(WatchMismatch, match="other is not a metric"):
        begin(DECLARED, minute(0), {"other": []})
    with pytest.raises(WatchMismatch, match="time zone"):
        begin(DECLARED, minute(0).replace(tzinfo=None))
