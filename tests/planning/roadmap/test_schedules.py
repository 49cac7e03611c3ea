import csv
from pathlib import Path

import numpy as np
import pytest

from tests.planning.roadmap.portfolios import FINISH, initiative, problem
from voicehive.planning.distributions import Normal
from voicehive.planning.initiatives import Initiative, Prerequisite
from voicehive.planning.roadmap.critical_path import critical_path
from voicehive.planning.roadmap.errors import InitiativesUnreadable
from voicehive.planning.roadmap.finish_forecast import sampled_finishes
from voicehive.planning.roadmap.links import Link, links_of
from voicehive.planning.roadmap.planner import SearchTime, plan_roadmap
from voicehive.planning.roadmap.psplib import read_psplib

INSTANCES = Path(__file__).resolve().parents[4] / "shared" / "data" / "psplib-j30"


@pytest.mark.skipif(not INSTANCES.exists(), reason="the PSPLIB instances are not there")
@pytest.mark.parametrize("name", ["j301_1", "j3016_1", "j3041_1"])
def test_published_optima_are_reached_and_proven(name: str):
    with (INSTANCES / "optimum.csv").open(encoding="utf-8") as file:
        optimum = next(int(row["optimum"]) for row in csv.DictReader(file) if row["instance"] == name)
    made = read_psplib((INSTANCES / f"{name}.sm").read_text(encoding="utf-8"), name)
    assert len(made.initiatives) == 30
    roadmap = plan_roadmap(made, None, SearchTime(recommendation=60))
    assert (roadmap.finish.planned, roadmap.status) == (optimum, "optimal")
    # Constant durations: a forecast that hands people over in an impossible order would come to another finish.
    assert (roadmap.finish.p50, roadmap.finish.p80, roadmap.finish.on_time) == (optimum, optimum, 1.0)


def test_a_file_that_is_no_instance_is_refused():
    with pytest.raises(InitiativesUnreadable, match="PRECEDENCE RELATIONS"):
        read_psplib("nothing", "file.sm")


def test_floats_are_those_of_the_textbook():
    # Kelley & Walker's method by hand: a(3) -> b(4) -> d(2), a -> c(1) -> d; c may slip by three.
    starts, lasts = {"a": 0, "b": 3, "c": 3, "d": 7}, {"a": 3, "b": 4, "c": 1, "d": 2}
    links = [Link("a", "b"), Link("b", "d"), Link("a", "c"), Link("c", "d")]
    path = critical_path(starts, lasts, links)
    assert path.floats == {"a": 0, "b": 0, "c": 3, "d": 0}
    assert path.critical == ("a", "b", "d")


def test_a_lag_and_a_milestone_of_no_length_take_part_in_the_path():
    starts, lasts = {"z": 2, "a": 0, "m": 2}, {"a": 2, "m": 0, "z": 0}
    path = critical_path(starts, lasts, [Link("a", "m"), Link("m", "z")])
    assert path.floats == {"a": 0, "m": 0, "z": 0}
    assert critical_path({"a": 0, "b": 4}, {"a": 1, "b": 1}, [Link("a", "b", 2)]).floats == {"a": 1, "b": 0}


def test_people_are_handed_over_from_who_finishes_to_who_starts():
    made = problem(
        initiative("a", 2, people={"dev": 2.0}),
        initiative("b", 1, people={"dev": 1.0}),
        initiative("c", 1, people={"dev": 3.0}),
        periods=6,
        capacities={"dev": (3.0,)},
    )
    assert set(links_of(made, {"a": 0, "b": 0, "c": 2})) == {Link("a", "c"), Link("b", "c")}


def test_the_finish_of_a_chain_is_normal_as_its_parts_are():
    chain = [
        Initiative(
            id=f"i{n}",
            duration=Normal(mean=10.0, sd=1.0),
            prerequisites=(Prerequisite(initiative=f"i{n - 1}"),) if n else (),
            people={"dev": 1.0},
        )
        for n in range(4)
    ]
    made = problem(*chain, periods=60, capacities={"dev": (1.0,)})
    # All start as soon as they can: planned for long before that.
    starts = {"i0": 0, "i1": 1, "i2": 2, "i3": 3}
    links = [Link("i0", "i1"), Link("i1", "i2"), Link("i2", "i3")]
    finishes = sampled_finishes(made, starts, links, np.random.default_rng(0), 100_000)
    # The sum of four: mean 40, deviation 2; its 0.8 quantile is 40 + 0.8416 x 2.
    assert np.quantile(finishes, [0.5, 0.8]) == pytest.approx([40.0, 41.6832], abs=0.03)


def test_the_later_of_two_is_later_than_either_and_nobody_starts_before_the_plan():
    pair = [Initiative(id=name, duration=Normal(mean=10.0, sd=1.0)) for name in ("a", "b")]
    made = problem(*pair, periods=40)
    finishes = sampled_finishes(made, {"a": 0, "b": 0}, [], np.random.default_rng(0), 100_000)
    # The greater of two independent standard normals has mean 1 / sqrt(pi) (Clark 1961).
    assert finishes.mean() == pytest.approx(10.0 + np.pi**-0.5, abs=0.01)
    assert sampled_finishes(made, {"a": 20}, [], np.random.default_rng(0)).min() > 20.0


def test_the_plan_keeps_a_buffer_up_to_the_eighth_decile():
    pair = [
        Initiative(id="a", duration=Normal(mean=3.0, sd=1.0), required=True),
        Initiative(
            id="b", duration=Normal(mean=3.0, sd=1.0), required=True, prerequisites=(Prerequisite(initiative="a"),)
        ),
    ]
    roadmap = plan_roadmap(problem(*pair, periods=12, objectives=FINISH), None, SearchTime(recommendation=5))
    assert roadmap.finish.planned == 6
    assert roadmap.finish.buffer == pytest.approx(roadmap.finish.p80 - 6)
    assert 0.8416 * 2**0.5 < roadmap.finish.buffer < 0.8416 * 2**0.5 + 1.0
    assert roadmap.critical_path == ("a", "b")
