from typing import Any

import pytest
from pydantic import ValidationError

from tests.planning.roadmap.portfolios import initiative, problem
from voicehive.optimization import Objective
from voicehive.planning.errors import CycleFound, DuplicateName, PlanningError, UnknownName
from voicehive.planning.roadmap.checks import check
from voicehive.planning.roadmap.errors import InfeasibleRoadmap, RoadmapInvalid
from voicehive.planning.roadmap.problem import RoadmapProblem

PAIR = (initiative("a"), initiative("b"))
REQUIRED = (initiative("a", 3, required=True), initiative("b", 2, ("a",), required=True))


@pytest.mark.parametrize(
    ("made", "kind", "item", "remedy"),
    [
        (
            problem(initiative("a", 1, ("b",)), initiative("b", 1, ("a",))),
            CycleFound,
            r"initiatives\[[01]\] \((a|b)\): prerequisites: cycle (a -> b -> a|b -> a -> b)",
            "remove one",
        ),
        (
            problem(*PAIR, capacities={"dev": (1.0, -2.0, 1.0, 1.0)}),
            RoadmapInvalid,
            r"capacities\.dev\[1\]: is -2",
            "0 or more",
        ),
        (problem(*PAIR, budgets=(-1.0,)), RoadmapInvalid, r"budgets\[0\]: is -1", "0 or more"),
        (problem(*PAIR, budgets=(1.0, 2.0)), RoadmapInvalid, "budgets: has 2 numbers", "one for all, or 4"),
        (problem(*PAIR, capacities={"dev": ()}), RoadmapInvalid, r"capacities\.dev: has 0", "one for all"),
        (
            problem(*PAIR, together=(("a", "b"),), apart=(("b", "a"),)),
            RoadmapInvalid,
            r"apart\[0\]: a and b",
            r"together\[0\]",
        ),
        (problem(*PAIR, apart=(("a", "c"),)), UnknownName, r"apart\[0\]: 'c' is no initiative", "correct the id"),
        (
            problem(initiative("a", 1, ("z",))),
            UnknownName,
            r"initiatives\[0\] \(a\): prerequisites: 'z'",
            "add the initiative",
        ),
        (
            problem(initiative("a", people={"ops": 1.0})),
            UnknownName,
            r"initiatives\[0\] \(a\): people: 'ops'",
            r"add capacities\.ops",
        ),
        (problem(initiative("a"), initiative("a")), DuplicateName, r"initiatives \(a\)", "its own"),
        (
            problem(*REQUIRED),
            InfeasibleRoadmap,
            r"initiatives\[1\] \(b\): latest: cannot start before period 3, after a",
            "at least 4",
        ),
        (
            problem(initiative("a", 2, required=True, earliest=3)),
            InfeasibleRoadmap,
            r"initiatives\[0\] \(a\)",
            "at least 4",
        ),
        (
            problem(initiative("a", required=True, people={"dev": 3.0}), capacities={"dev": (1.0, 2.0, 1.0, 1.0)}),
            InfeasibleRoadmap,
            "takes 3 people of dev, but there are never more than 2",
            "raise",
        ),
        (
            problem(initiative("a", origin="ai"), initiative("b", 1, ("a",), required=True)),
            InfeasibleRoadmap,
            "no person has accepted",
            "accept it",
        ),
        (
            problem(initiative("a", required=True), initiative("b", required=True), apart=(("a", "b"),)),
            InfeasibleRoadmap,
            r"apart\[0\]: a and b",
            "not required",
        ),
        (
            problem(*PAIR, objectives=(Objective(name="joy", direction="maximize"),)),
            RoadmapInvalid,
            r"objectives\[0\] \(joy\)",
            "choose from value, risk, cost, finish",
        ),
        (
            problem(*PAIR, objectives=(Objective(name="cost", direction="maximize"),)),
            RoadmapInvalid,
            "is maximize",
            "minimize",
        ),
    ],
)
def test_bad_input_names_the_item_and_what_would_make_it_right(
    made: RoadmapProblem, kind: type[PlanningError], item: str, remedy: str
):
    with pytest.raises(kind, match=item) as caught:
        check(made)
    assert caught.match(remedy)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"latest": 1, "earliest": 3}, "latest 1 is before earliest 3; make latest at least 3"),
        ({"duration": None}, "give duration or effort"),
        ({"duration": None, "effort": {"kind": "constant", "value": 3.0}}, "nobody works on its effort"),
    ],
)
def test_an_impossible_initiative_is_refused(fields: dict[str, Any], words: str):
    from voicehive.planning.initiatives import Initiative

    with pytest.raises(ValidationError, match=words):
        Initiative.model_validate({"id": "a", "duration": {"kind": "constant", "value": 1.0}} | fields)
