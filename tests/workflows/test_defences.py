"""Ways around the rules that were tried, and what came of them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from tests.workflows.requests import (
    ASK,
    RECOMMENDED,
    TODAY,
    plan,
    policy,
    refusal,
    request,
    rule,
    say,
    start,
    start_waiting,
    status,
    stored,
    waiting,
)
from tests.workflows.world import DEPLOYMENT, PERMISSIVE, TENANT, World, faulty_plan, faulty_step, until
from voicehive.execution.plan import ActionCall, Compensation, HumanGate, Step
from voicehive.execution.record import ExecutionRequest, ExecutionResult, ExecutionStatus
from voicehive.storage.notifications import Notifications

QUARTER = timedelta(seconds=0.25)
GATE = HumanGate(reason="look first", roles=("supervisor",))


@pytest.fixture
async def asking(world: World) -> World:
    await world.policy(policy(ASK))
    return world


async def execution_status(handle: Any) -> ExecutionStatus:
    return await handle.query("status", result_type=ExecutionStatus)


async def details(handle: Any) -> str:
    return (await handle.query("__temporal_workflow_metadata")).current_details


async def test_an_approval_does_not_outlive_its_decision(asking: World) -> None:
    """The decision fails between approval and execution; nobody can start what was approved in its stead."""
    decision, _ = await start_waiting(asking, request())
    squatter = await asking.client.start_workflow(
        "ExecutionWorkflow",
        ExecutionRequest(
            tenant=TENANT,
            deployment="elsewhere",
            requester="mallory",
            plan=faulty_plan(Step(name="w", action="wait", arguments={"duration": "PT1H"})),
        ),
        id=f"{decision.id}-execution",
        task_queue=asking.settings.task_queue,
    )
    approved = await plan(decision)
    await say(decision, "approve", "alice")
    with pytest.raises(WorkflowFailureError):
        await decision.result()
    assert (await stored(asking, decision)).outcome == "failed"
    await squatter.terminate()
    copied = ExecutionRequest(tenant=TENANT, deployment=DEPLOYMENT, requester="mallory", plan=approved, kind="capacity")
    for workflow_id in ("mallory", decision.id, f"{decision.id}-execution"):
        stolen = await asking.client.start_workflow(
            "ExecutionWorkflow", copied, id=workflow_id, task_queue=asking.settings.task_queue
        )

        async def asked(stolen: Any = stolen) -> bool:
            return bool((await execution_status(stolen)).waiting)

        await until(asked)
        await stolen.terminate()
    assert await asking.parameters() == TODAY


async def test_a_kind_that_no_rule_names_is_asked_about(world: World) -> None:
    await world.policy(policy(rule("ceiling", "proposed.abandonment <= 0.2", "block", kinds=["capacity"])))
    assert (await (await start(world, request())).result()).verdict == "execute"
    decision = await start(world, request(kind="Capacity", deployment="elsewhere"))
    found = await waiting(decision)
    assert found.result is not None
    assert "no rule of the policy names the kind 'Capacity'" in found.result.reasons


async def test_steps_afterwards_count_in_the_outcomes_that_are_judged(world: World) -> None:
    await world.policy(policy(rule("dear", "proposed.cost <= 1.02 * current.cost", "block")))
    more = Step(
        name="more",
        action="parameter.set",
        arguments={"name": "agents.day", "value": 40},
        compensation=Compensation(),
    )
    result = await (await start(world, request(more))).result()
    assert (result.outcome, result.settings["agents.day"]) == ("rejected", 40)
    assert await world.parameters() == TODAY


async def test_rules_of_another_deployment_hold_for_steps_that_touch_it(world: World) -> None:
    await world.policy(policy(rule("hands-off", "false", "block", deployments=["prod"])))
    step = Step(
        name="reach",
        action="parameter.set",
        arguments={"name": "a", "value": 1, "deployment": "prod"},
        compensation=Compensation(),
    )
    result = await world.execute(faulty_plan(step))
    assert (result.outcome, await world.parameters("prod")) == ("rejected", {})


async def test_only_allowed_actions_run(world: World) -> None:
    await world.policy(PERMISSIVE + "\nallowed_actions: [faulty.set]\n")
    assert (await world.execute(faulty_plan(faulty_step("a", 1)))).outcome == "applied"
    check = ActionCall(action="parameter.check", arguments={"name": "b", "equals": 2})
    with pytest.raises(WorkflowFailureError) as error:
        await world.execute(faulty_plan(faulty_step("b", 2, verification=check)))
    assert "parameter.check" in str(error.value.cause)
    assert "b" not in await world.parameters()


async def test_forged_progress_shows_nothing(asking: World) -> None:
    decision, _ = await start_waiting(asking, request())
    for forged in ({"stage": "closed"}, {"stage": "executing", "reason": "mine"}, "nonsense", None):
        await decision.signal("progress", forged)
    found = await status(decision)
    assert (found.stage, found.steps, len(found.waiting)) == ("waiting_for_people", (), 1)


SIGNALS = ["approve", "reject", "edit", "delegate", "comment", "pause", "resume", "rollback", "retry", "skip", "done"]


async def test_signals_with_no_input_or_two_change_nothing(asking: World) -> None:
    decision, _ = await start_waiting(asking, request())
    for name in [*SIGNALS, "progress"]:
        await decision.signal(name)
        await decision.signal(name, args=[{"reviewer": "alice"}, {"reviewer": "bob"}])
    found = await status(decision)
    assert (found.stage, len(found.malformed)) == ("waiting_for_people", 2 * len(SIGNALS))
    await say(decision, "approve", "alice")
    assert (await decision.result()).outcome == "executed"


async def test_a_flood_of_strangers_locks_nobody_out(asking: World) -> None:
    decision, _ = await start_waiting(asking, request())
    await asyncio.gather(*(decision.signal("approve", {"reviewer": "mallory"}) for _ in range(1_050)))
    await say(decision, "approve", "alice")
    result = await decision.result()
    assert result.outcome == "executed"
    assert result.reviews[-1].review.reviewer == "alice"


@pytest.mark.parametrize("time", ["-P1D", "PT0S", "P2D"])
async def test_a_budget_that_no_search_can_keep_fails_at_once(world: World, time: str) -> None:
    document = request()
    document["problem"]["budget"] = {"time": time}
    with pytest.raises(WorkflowFailureError) as error:
        await (await start(world, document)).result()
    assert "problem.budget.time" in str(error.value.cause)


async def test_a_default_that_misses_a_parameter_fails_at_once(world: World) -> None:
    with pytest.raises(WorkflowFailureError) as error:
        await (await start(world, request(default={"agents.day": 29}))).result()
    assert "default must give every parameter" in str(error.value.cause)


async def test_a_wait_is_verified_like_any_step(world: World) -> None:
    check = ActionCall(action="parameter.check", arguments={"name": "a", "equals": "never"})
    wait = Step(name="w", action="wait", arguments={"duration": "PT0.1S"}, depends_on=("a",), verification=check)
    assert (await world.execute(faulty_plan(faulty_step("a", 1), wait))).outcome == "rolled_back"


async def test_each_gate_tells_its_people(world: World) -> None:
    handle = await world.start(faulty_plan(faulty_step("a", 1, gate=GATE), faulty_step("b", 2, "a", gate=GATE)))
    for name in ("a", "b"):

        async def asked(name: str = name) -> bool:
            return name in {question.subject for question in (await execution_status(handle)).waiting}

        await until(asked)
        example = f'"step": "{name}"'
        assert example in await details(handle)
        await handle.signal("approve", {"reviewer": "alice", "step": name})
    await handle.result()
    async with world.database.reading() as session:
        told = [note.recipient for note in await Notifications(session, TENANT).list(handle.id)]
    assert sorted(told) == ["alice", "alice", "bob", "bob"]


async def test_a_gate_inside_a_decision_is_seen_and_answered_there(world: World) -> None:
    await world.policy(policy())
    decision = await start(world, request(faulty_step("last", 1, gate=GATE)))
    found = await waiting(decision)
    assert [question.subject for question in found.waiting] == ["last"]
    await say(decision, "approve", "alice")
    result = await decision.result()
    assert result.outcome == "executed"
    assert [entry.review.reviewer for entry in result.reviews] == ["alice"]


async def test_what_the_execution_refused_is_not_shown_as_accepted(world: World) -> None:
    await world.policy(policy())
    decision = await start(world, request(faulty_step("last", 1, gate=GATE)))
    await waiting(decision)
    await decision.signal("approve", {"reviewer": "olivia"})
    await asyncio.sleep(1)
    await say(decision, "approve", "alice")
    reviews = (await decision.result()).reviews
    assert {entry.review.reviewer: entry.accepted for entry in reviews} == {"olivia": False, "alice": True}


@pytest.mark.parametrize(("roles", "quorum"), [(("astronaut",), 1), (("supervisor",), 9), (("director",), 2)])
async def test_a_gate_that_could_never_open_is_refused(world: World, roles: tuple[str, ...], quorum: int) -> None:
    gate = HumanGate(reason="?", roles=roles, quorum=quorum)
    with pytest.raises(WorkflowFailureError) as error:
        await world.execute(faulty_plan(faulty_step("a", 1), faulty_step("b", 2, "a", gate=gate)))
    assert "step 'b': its gate needs" in str(error.value.cause)
    assert world.journal.events == []


async def test_a_step_is_not_tried_again_once_the_plan_is_stopped(world: World) -> None:
    patient = faulty_step("a", 1, fail_before=-1)
    patient = patient.model_copy(
        update={"retry": patient.retry.model_copy(update={"maximum_attempts": 100, "maximum_interval": QUARTER})}
    )
    handle = await world.start(faulty_plan(patient))
    await until(lambda: tried(world))
    await handle.signal("rollback", {"reviewer": "alice"})
    result: ExecutionResult = await asyncio.wait_for(handle.result(), 20)
    assert result.outcome == "rolled_back"


async def tried(world: World) -> bool:
    return len(world.journal.order("begin")) > 2


async def test_people_see_every_step_before_they_agree(asking: World) -> None:
    decision, _ = await start_waiting(asking, request(faulty_step("last", 1, summary="nothing to see here")))
    told = await details(decision)
    assert '`last` after set-agents.night: faulty.set `{"name": "last", "value": 1}`' in told
    assert f'"value": {RECOMMENDED["agents.day"]}' in told
    by_hand = await asking.start(faulty_plan(faulty_step("a", 1)))

    async def asked() -> bool:
        return bool((await execution_status(by_hand)).waiting)

    await until(asked)
    assert '1. `a`: faulty.set `{"name": "a", "value": 1}`; can be undone' in await details(by_hand)
    await by_hand.terminate()
    await decision.terminate()


async def test_a_delegate_counts_only_where_the_giver_would(world: World) -> None:
    ladder = [
        {"name": "supervisors", "roles": ["supervisor"], "deadline": "PT1S"},
        {"name": "directors", "roles": ["director"], "deadline": "PT1H"},
    ]
    await world.policy(
        policy(ASK, ladder=ladder, reviewers={"alice": ["supervisor"], "carol": ["director"], "dave": []})
    )
    decision, _ = await start_waiting(world, request())
    await say(decision, "delegate", "alice", to="dave")

    async def directors() -> bool:
        return (await status(decision)).waiting[0].rung == "directors"

    await until(directors)
    assert "'dave' may not decide here; asked are carol" in await refusal(decision, "approve", "dave")
    await say(decision, "approve", "carol")
    assert (await decision.result()).outcome == "executed"
