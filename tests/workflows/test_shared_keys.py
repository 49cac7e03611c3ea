"""Plans that share an idempotency key, on the real server: a change is undone by the run that made it or not at all."""

from tests.workflows.world import World, faulty_plan, faulty_step
from voicehive.execution.record import ExecutionResult


def found(result: ExecutionResult, step: str) -> tuple[str, str]:
    [record] = [one for one in result.steps if one.name == step]
    return record.state, record.detail


async def test_a_rollback_leaves_the_change_of_another_plan_under_the_same_key(world: World) -> None:
    shared = faulty_step("a", 1, idempotency_key="shared")
    first = await world.execute(faulty_plan(shared))
    assert first.outcome == "applied"
    second = await world.execute(faulty_plan(shared, faulty_step("b", 2, "a"), faulty_step("c", 3, "b", refuse=True)))
    assert second.outcome == "rolled_back"
    assert found(second, "a") == ("compensated", "it had never happened")
    assert await world.parameters() == {"a": 1}
    assert await world.versions() == {"a": 1}


async def test_a_key_that_stands_for_something_else_stops_the_plan_and_parks_nothing(world: World) -> None:
    await world.execute(faulty_plan(faulty_step("a", 1, idempotency_key="taken")))
    second = await world.execute(faulty_plan(faulty_step("b", 2), faulty_step("c", 3, "b", idempotency_key="taken")))
    assert second.outcome == "rolled_back"
    assert "the idempotency key 'taken' was used before with other arguments" in second.reason
    assert found(second, "c") == ("compensated", "it had never happened")
    assert await world.parameters() == {"a": 1}


async def test_a_plan_that_fails_before_its_change_leaves_the_key_to_others(world: World) -> None:
    failed = await world.execute(faulty_plan(faulty_step("a", 1, idempotency_key="free", refuse=True)))
    assert failed.outcome == "rolled_back"
    applied = await world.execute(faulty_plan(faulty_step("a", 1, idempotency_key="free")))
    assert applied.outcome == "applied"
    assert await world.parameters() == {"a": 1}
