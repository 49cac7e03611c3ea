"""What a plan refuses to be, in words that name the step."""

import pytest
from pydantic import ValidationError

from voicehive.execution import ExecutionPlan, Step


def step(name: str, *depends_on: str, key: str | None = None) -> Step:
    return Step(name=name, depends_on=depends_on, action="wait", idempotency_key=key)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((step("a"), step("a")), "step 'a': 2 steps have this name"),
        ((step("a"), step("b", "c")), "step 'b': depends_on names 'c', which is no step"),
        ((step("a", "b"), step("b", "a")), "the steps wait for each other"),
        (
            (step("a", key="k"), step("b"), step("c", key="k")),
            "step 'c': its idempotency_key 'k' is also that of step 'a'; give each its own",
        ),
    ],
    ids=["name", "dependency", "cycle", "key"],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(steps: tuple[Step, ...], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ExecutionPlan(name="plan", steps=steps)


def test_keys_of_their_own_are_accepted() -> None:
    steps = (step("a", key="k"), step("b", key="l"), step("c"), step("d"))
    assert ExecutionPlan(name="plan", steps=steps).steps == steps
