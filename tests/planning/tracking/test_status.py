import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.planning.goals.goals import goal
from voicehive.planning.tracking.alerts import alerts_between, replanning_between
from voicehive.planning.tracking.state import Standing
from voicehive.planning.tracking.status import SEVERITY, Figures, StatusRules, judge_parts, next_standing

RULES = StatusRules()
FLOOR = 0.5
AT = datetime(2026, 2, 1, tzinfo=UTC)


def figures(probability: float | None = 1.0, **changes) -> Figures:
    calm = {"floor": FLOOR, "schedule_index": 1.0, "overdue": (), "missing_intervals": 0, "past_due": False}
    return Figures(probability=probability, **(calm | changes))


def after(standing: Standing, seen: Figures, rules: StatusRules = RULES) -> Standing:
    return next_standing(standing, judge_parts(seen, standing.parts, rules), seen.probability, seen.floor, rules)


def colours(*seen: Figures, rules: StatusRules = RULES) -> list[str]:
    standing, found = Standing(), []
    for one in seen:
        standing = after(standing, one, rules)
        found.append(standing.colour)
    return found


@pytest.mark.parametrize(
    ("seen", "colour", "said"),
    [
        (figures(0.81), "green", None),
        (figures(0.79), "amber", "79%"),
        (figures(0.49), "red", "floor 50%"),
        (figures(None), "green", None),
        (figures(schedule_index=0.85), "amber", "SPI(t) is 0.85"),
        (figures(overdue=("a",)), "amber", "a is overdue"),
        (figures(overdue=("a", "b")), "red", "a, b are overdue"),
        (figures(missing_intervals=3), "amber", "no usable point for 3 intervals"),
        (figures(past_due=True), "red", "the due date is past"),
    ],
)
def test_a_status_has_its_reason(seen, colour, said):
    assert colours(seen) == [colour]
    reasons = [part.reason for part in judge_parts(seen, {}, RULES).values() if part.reason]
    assert reasons == [] if said is None else said in reasons[0]


def test_worse_at_once_and_better_only_beyond_the_band_and_twice():
    near, clear = figures(0.85), figures(0.95)
    assert colours(figures(0.79), near, near, near, near) == ["amber"] * 5
    assert colours(figures(0.79), clear, clear) == ["amber", "amber", "green"]
    assert colours(figures(0.79), clear, figures(0.79), clear, clear) == ["amber"] * 4 + ["green"]
    assert colours(figures(0.4), figures(0.55), figures(0.55), figures(0.55)) == ["red"] * 4
    assert colours(figures(0.4), figures(0.65), figures(0.65)) == ["red", "red", "amber"]


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60), st.floats(0.05, 0.95), st.floats(0.01, 0.3))
def test_every_recovery_has_crossed_a_band(probabilities, floor, band):
    rules = StatusRules(band=band)
    standing, best_since = Standing(), 1.0
    for probability in probabilities:
        before, standing = standing, after(standing, figures(probability, floor=floor), rules)
        if SEVERITY[standing.colour] < SEVERITY[before.colour]:
            amber_below = max(rules.amber_below, min(floor + band, (1 + floor) / 2))
            threshold = floor if before.colour == "red" else amber_below
            assert max(best_since, probability) >= min(threshold + band, (1 + threshold) / 2) - 1e-12
        if SEVERITY[standing.colour] > SEVERITY[before.colour]:
            best_since = 0.0
        best_since = max(best_since, probability)


@given(st.sampled_from([FLOOR, 0.8]), st.lists(st.floats(-0.049, 0.049), min_size=2, max_size=80))
def test_noise_narrower_than_the_band_about_a_threshold_changes_the_status_once_at_most(threshold, noise):
    found = colours(*(figures(threshold + one) for one in noise))
    assert sum(one != other for one, other in itertools.pairwise(found)) <= 1


@given(st.lists(st.floats(-0.0249, 0.0249), min_size=2, max_size=80))
def test_the_schedule_does_not_flap_either(noise):
    found = colours(*(figures(schedule_index=RULES.index_below + one) for one in noise))
    assert sum(one != other for one, other in itertools.pairwise(found)) <= 1


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60))
def test_alerts_come_when_it_worsens_and_a_new_plan_is_wanted_once_a_fall(probabilities):
    wanted, standing, armed = goal(), Standing(), True
    for probability in probabilities:
        before, standing = standing, after(standing, figures(probability))
        alerts = alerts_between(wanted, before, standing, AT, ("because",))
        replanning = replanning_between(wanted, before, standing, at=AT, probability=probability, reasons=("because",))
        fell = armed and probability < FLOOR
        worse = SEVERITY[standing.colour] > SEVERITY[before.colour]
        assert bool(replanning) == fell
        assert bool(alerts) == (worse or fell)
        if alerts:
            assert alerts[0].severity == ("critical" if standing.colour == "red" else "warning")
        if fell:
            armed = False
        elif probability >= FLOOR + RULES.band:
            armed = True
