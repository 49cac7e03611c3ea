from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicehive.planning.errors import TransitionRefused
from voicehive.planning.life_cycle import TRANSITIONS, GoalLife, Stage

AT = datetime(2026, 1, 1, tzinfo=UTC)
STAGES = get_args(Stage)


def test_every_change_keeps_its_reason():
    life = GoalLife().change("g", "active", AT, reason="approved", by="olivia")
    life = life.change("g", "at_risk", AT + timedelta(days=1), reason="SPI(t) is 0.7", by="tracking")
    assert life.stage == "at_risk"
    assert [(one.before, one.after, one.reason, one.by) for one in life.changes] == [
        ("draft", "active", "approved", "olivia"),
        ("active", "at_risk", "SPI(t) is 0.7", "tracking"),
    ]
    assert GoalLife.model_validate_json(life.model_dump_json()) == life


@given(st.lists(st.sampled_from(STAGES), max_size=12))
def test_no_walk_leaves_the_allowed_transitions_or_a_final_stage(wishes):
    life = GoalLife()
    for number, wish in enumerate(wishes):
        before = life
        try:
            life = life.change("g", wish, AT + timedelta(days=number), reason="because", by="x")
        except TransitionRefused:
            assert wish not in TRANSITIONS[before.stage]
        else:
            assert not before.is_final
    assert all(one.after in TRANSITIONS[one.before] for one in life.changes)
    assert all(one.after == two.before for one, two in zip(life.changes, life.changes[1:], strict=False))


def test_a_refusal_says_what_is_allowed():
    with pytest.raises(TransitionRefused, match=r"goal g: cannot become achieved, being draft.*active, abandoned"):
        GoalLife().change("g", "achieved", AT, reason="because", by="x")
    with pytest.raises(TransitionRefused, match="that is final"):
        GoalLife(stage="missed").change("g", "active", AT, reason="because", by="x")


def test_a_change_needs_a_reason_a_zone_and_an_order():
    life = GoalLife().change("g", "active", AT, reason="approved", by="x")
    for at, reason, said in (
        (AT, "  ", "no reason"),
        (AT.replace(tzinfo=None), "because", "no time zone"),
        (AT - timedelta(seconds=1), "because", "before its last change"),
    ):
        with pytest.raises(TransitionRefused, match=said):
            life.change("g", "abandoned", at, reason=reason, by="x")


def test_what_has_ended_stays_ended_and_only_what_is_pursued_can_succeed_or_fail():
    for end in ("achieved", "missed", "abandoned"):
        assert GoalLife(stage=end).is_final
        assert not TRANSITIONS[end]
    assert {stage for stage in STAGES if "achieved" in TRANSITIONS[stage]} == {"active", "at_risk"}
    assert {stage for stage in STAGES if "missed" in TRANSITIONS[stage]} == {"active", "at_risk"}
