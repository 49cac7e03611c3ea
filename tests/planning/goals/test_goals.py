import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.planning.goals.goals import goal
from voicehive.planning.errors import (
    CriterionInvalid,
    CycleFound,
    DuplicateName,
    GoalInvalid,
    PlanningError,
    UnknownName,
)
from voicehive.planning.goals import CompiledGoal, StrategicGoal, check_not_past
from voicehive.planning.milestones import Milestone, check_milestones, check_order, judge_milestone
from voicehive.planning.tree import GoalTree

DUE = date(2026, 3, 1)


def milestone(name: str, *after: str, due: date = DUE, criterion: str = "metrics.service_level >= 75.0") -> Milestone:
    return Milestone(id=name, due=due, criterion=criterion, after=after)


def test_progress_is_the_share_of_the_way_in_either_direction():
    assert goal().progress(75.0) == pytest.approx(0.5)
    falling = goal(baseline=120.0, target=80.0, direction="minimize")
    assert falling.progress(110.0) == pytest.approx(0.25)
    assert falling.progress(130.0) == pytest.approx(-0.25)
    assert falling.reaches_target(80.0)
    assert not falling.reaches_target(80.1)


def test_a_goal_survives_json():
    wanted = goal(source={"kind": "csv", "path": "metrics.csv"}, criteria=("metrics.service_level >= 80.0",))
    assert StrategicGoal.model_validate_json(wanted.model_dump_json()) == wanted


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target": 60.0}, "no better than baseline 70"),
        ({"target": 70.0}, "no better than baseline 70"),
        ({"due": date(2026, 1, 1)}, "not after its start"),
        ({"parent": "faster-answer"}, "its own parent"),
        ({"milestones": (milestone("a", due=date(2026, 7, 1)),)}, "outside 2026-01-01 to 2026-06-30"),
        ({"metric": "Service Level"}, "metric"),
        ({"baseline": float("nan")}, "baseline"),
        ({"probability_floor": 1.0}, "probability_floor"),
    ],
)
def test_a_goal_that_makes_no_sense_is_refused(changes, said):
    with pytest.raises(ValidationError, match=said):
        goal(**changes)


def test_a_due_date_in_the_past_is_refused_when_a_goal_is_to_begin():
    check_not_past(goal(), date(2026, 6, 30))
    with pytest.raises(GoalInvalid, match="faster-answer: was due 2026-06-30, which is past on 2026-07-01"):
        check_not_past(goal(), date(2026, 7, 1))


def test_milestones_come_after_what_they_wait_for():
    given_ones = (milestone("c", "b"), milestone("a"), milestone("b", "a"))
    assert [one.id for one in goal(milestones=given_ones).ordered_milestones] == ["a", "b", "c"]


def test_a_cycle_is_named_in_the_order_in_which_they_wait():
    with pytest.raises(CycleFound) as caught:
        check_milestones("milestones", [milestone("a", "b"), milestone("b", "c"), milestone("c", "a")])
    way = caught.value.problem.removeprefix("cycle ").split(" -> ")
    assert way[0] == way[-1]
    waits = {"a": "b", "b": "c", "c": "a"}
    assert all(waits[one] == other for one, other in itertools.pairwise(way))


def test_unknown_and_repeated_milestones_are_named():
    with pytest.raises(UnknownName, match=r"milestones \(a\): names the unknown x"):
        check_milestones("milestones", [milestone("a", "x")])
    with pytest.raises(DuplicateName, match=r"milestones \(a\): is there twice"):
        check_milestones("milestones", [milestone("a"), milestone("a")])
    with pytest.raises(GoalInvalid, match=r"\(b\): is due 2026-02-28, before a"):
        check_milestones("milestones", [milestone("a"), milestone("b", "a", due=DUE - timedelta(days=1))])


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_an_order_keeps_every_link_or_names_a_real_cycle(links):
    waits = {str(number): {str(b) for a, b in links if a == number} for number in range(8)}
    try:
        order = check_order("items", waits)
    except CycleFound as error:
        way = error.problem.removeprefix("cycle ").split(" -> ")
        assert way[0] == way[-1]
        assert all(other in waits[one] for one, other in itertools.pairwise(way))
    else:
        assert all(order.index(other) < order.index(one) for one in waits for other in waits[one])


def test_a_milestone_goes_from_waiting_to_reached_and_stays_so():
    compiled = CompiledGoal(goal(milestones=(milestone("a"), milestone("b", "a"))), ())
    first, second = compiled.goal.ordered_milestones

    def standing(one, value, reached, today):
        return judge_milestone(one, compiled.milestones[one.id], {"service_level": value}, reached, today)[0]

    assert standing(first, 74.0, {}, DUE) == "pending"
    assert standing(second, 90.0, {}, DUE) == "waiting"
    assert standing(first, 75.0, {}, DUE) == "reached"
    assert standing(first, 60.0, {"a": DUE}, DUE + timedelta(days=9)) == "reached"
    assert standing(first, None, {}, DUE) == "pending"
    assert standing(first, 74.0, {}, DUE + timedelta(days=1)) == "overdue"
    assert standing(second, 90.0, {}, DUE + timedelta(days=1)) == "overdue"
    assert standing(first, 75.0, {}, DUE + timedelta(days=1)) == "reached_late"


def test_a_goal_names_whose_expression_is_wrong_when_it_is_loaded():
    bad = goal(criteria=("metrics.service_level >= 80.0", "metrics.servise_level > 1.0"))
    with pytest.raises(CriterionInvalid, match=r"goal faster-answer: criteria\[1\].*did you mean 'service_level'"):
        CompiledGoal(bad, ())
    late = goal(milestones=(milestone("a", criterion="metrics.nps > 1.0"),))
    with pytest.raises(CriterionInvalid, match=r"milestones \(a\): criterion.*unknown metric 'nps'"):
        CompiledGoal(late, ())
    assert CompiledGoal(late, ("nps",)).metrics == {"nps", "service_level"}


def test_progress_rolls_up_by_weight():
    tree = GoalTree([
        goal(id="top"),
        goal(id="left", parent="top", weight=3.0),
        goal(id="right", parent="top", weight=1.0),
        goal(id="leaf", parent="right"),
    ])  # fmt: skip
    rolled = tree.roll_up({"left": 0.5, "leaf": 0.9, "right": 0.1, "top": 0.0})
    assert rolled["right"].progress == pytest.approx(0.9)
    assert rolled["top"].progress == pytest.approx((3 * 0.5 + 0.9) / 4)
    assert rolled["top"].known == 1.0


def test_what_is_not_known_or_abandoned_does_not_count_and_this_is_said():
    tree = GoalTree([goal(id="top"), goal(id="a", parent="top", weight=3.0), goal(id="b", parent="top")])
    rolled = tree.roll_up({"a": None, "b": 4.0})
    assert (rolled["top"].progress, rolled["top"].known) == (1.0, 0.25)
    assert tree.roll_up({})["top"].progress is None
    assert tree.roll_up({"a": 0.2, "b": 1.0}, frozenset({"b"}))["top"].progress == pytest.approx(0.2)


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0.1, 10), st.floats(-2, 2)), min_size=1, max_size=10))
def test_rolled_up_progress_lies_between_that_of_the_leaves(rows):
    goals = [
        goal(id=f"g{n}", parent=f"g{above % n}" if n else None, weight=weight)
        for n, (above, weight, _) in enumerate(rows)
    ]
    tree = GoalTree(goals)
    own = {f"g{n}": progress for n, (_, _, progress) in enumerate(rows)}
    leaves = [min(max(own[one.id], 0.0), 1.0) for one in goals if not tree.children(one.id)]
    rolled = tree.roll_up(own)
    if tree.children("g0"):
        assert min(leaves) - 1e-9 <= rolled["g0"].progress <= max(leaves) + 1e-9


def test_a_forest_only():
    with pytest.raises(CycleFound, match=r"a -> b -> a|b -> a -> b"):
        GoalTree([goal(id="a", parent="b"), goal(id="b", parent="a")])
    with pytest.raises(UnknownName, match=r"\(a\): names the unknown z"):
        GoalTree([goal(id="a", parent="z")])
    with pytest.raises(DuplicateName, match=r"goals\[1\] \(a\)"):
        GoalTree([goal(id="a"), goal(id="a")])


def test_every_error_says_what_to_do():
    with pytest.raises(PlanningError) as caught:
        GoalTree([goal(id="a", parent="z")])
    assert str(caught.value).endswith("there are: a")
    assert caught.value.item == "goals: parent (a)"
