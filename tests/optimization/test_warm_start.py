"""Which settings of an earlier front a new problem begins from."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workflows.optimizations import request, zdt1
from voicehive.optimization import MultiObjectiveOptimizer, Problem
from voicehive.optimization.request import OptimizationRequest, cache_key
from voicehive.optimization.warm_start import settings_to_begin_from


def problem(**fields: Any) -> Problem:
    return Problem.model_validate_json(json.dumps(zdt1(**fields)))


EARLIER = MultiObjectiveOptimizer(problem()).optimize()


@given(current=st.floats(0, 1), change=st.floats(0, 1), population=st.sampled_from([8, 24, 100]))
@settings(max_examples=60, deadline=None)
def test_only_what_can_be_reached_and_no_more_than_half_a_population(
    current: float, change: float, population: int
) -> None:
    document = zdt1(budget={"population": population})
    document["parameters"][0] |= {"current": current, "maximum_change": change}
    moved = Problem.model_validate_json(json.dumps(document))
    begun = settings_to_begin_from(moved, EARLIER)
    reachable = [s.settings for s in EARLIER.front if abs(s.settings["x0"] - current) <= change]  # type: ignore[operator]
    assert all(settings in reachable for settings in begun)
    assert len({tuple(settings.values()) for settings in begun}) == len(begun)
    if len(reachable) <= population // 2:
        assert len(begun) == len(reachable)
    shown = 1 + len(EARLIER.alternatives)
    assert len(begun) <= max(population // 2, shown + 1)
    if EARLIER.recommendation.settings in reachable:
        assert begun[0] == EARLIER.recommendation.settings


def test_another_set_of_parameters_begins_from_nothing() -> None:
    document = zdt1()
    document["parameters"].append({"name": "more", "kind": "boolean", "current": True})
    assert settings_to_begin_from(Problem.model_validate_json(json.dumps(document)), EARLIER) == ()


def test_a_moved_fixed_parameter_is_data_like_any_other() -> None:
    document = zdt1()
    document["parameters"].append({"name": "day", "kind": "fixed", "current": 1})
    earlier = MultiObjectiveOptimizer(Problem.model_validate_json(json.dumps(document))).optimize()
    document["parameters"][-1]["current"] = 2
    begun = settings_to_begin_from(Problem.model_validate_json(json.dumps(document)), earlier)
    assert len(begun) > 5
    assert begun[0] == earlier.recommendation.settings | {"day": 2}


def test_a_key_stands_for_all_that_the_result_depends_on() -> None:
    def key(**fields: Any) -> str | None:
        asked = OptimizationRequest.model_validate_json(json.dumps(request(**fields)))
        return asked.cache_key(asked.problem)

    different = [
        key(),
        *(key(problem=other) for other in (zdt1(seed=2), zdt1(shift=1.0), zdt1(strategy="weighted_sum"))),
        *(key(**moved) for moved in ({"islands": 4}, {"epochs": 5}, {"generations": 3})),
        key(start=[dict.fromkeys(["x0", "x1", "x2", "x3"], 0.1)]),
        cache_key(problem()),
    ]
    assert len(set(different)) == len(different)
    assert key() == key(tenant="other", reuse=False, deployment="d")


def test_what_is_computed_elsewhere_has_no_key() -> None:
    document = zdt1()
    document["evaluator"] = {"kind": "http", "url": "http://localhost/", "outcomes": ["cost", "delay"]}
    assert cache_key(Problem.model_validate_json(json.dumps(document))) is None
