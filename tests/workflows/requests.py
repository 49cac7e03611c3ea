"""Small decisions that take no search, the policies they are judged under, and the words people send to them.

Requests are JSON documents, as a foreign client sends them. The five solutions of the front are, by index: today's
settings, the recommended, a cheaper, a dearer and the cheapest one.
"""

import json
from collections.abc import Sequence
from typing import Any, TypeAlias
from uuid import uuid4

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from tests.workflows.world import DEPLOYMENT, TENANT, World, until
from voicehive.autonomy.request import DecisionOutcome, DecisionStatus
from voicehive.autonomy.review import RecordedReview
from voicehive.execution.plan import ExecutionPlan, Step
from voicehive.storage.decisions import Decisions, StoredDecision

Document: TypeAlias = dict[str, Any]
Decision: TypeAlias = WorkflowHandle[Any, DecisionOutcome]

TODAY = {"agents.day": 30, "agents.night": 15}
RECOMMENDED = {"agents.day": 28, "agents.night": 14}
CHEAPER = {"agents.day": 27, "agents.night": 13}
DEARER = {"agents.day": 32, "agents.night": 16}
CHEAPEST = {"agents.day": 26, "agents.night": 12}
REVIEWERS = {"alice": ["supervisor"], "bob": ["supervisor"], "carol": ["director"], "olivia": ["supervisor"]}
"""olivia is the requester of every decision here."""

ASK = {"id": "ask", "expression": "false", "severity": "escalate", "message": "people decide this"}
SUPERVISORS = {"name": "supervisors", "roles": ["supervisor"], "deadline": "PT4H"}


def policy(
    *constraints: Document,
    threshold: float = 0.0,
    ladder: Sequence[Document] = (SUPERVISORS,),
    reviewers: Document = REVIEWERS,
    **review: Any,
) -> str:
    """A policy (JSON is YAML); `review` are further fields of its review rules."""
    document = {
        "name": "tests",
        "autonomy": {"threshold": threshold},
        "constraints": constraints,
        "reviewers": reviewers,
        "review": {"ladder": ladder, **review},
    }
    return json.dumps(document)


def rule(identifier: str, expression: str, severity: str, **more: Any) -> Document:
    """A safety constraint whose message is its own id."""
    return {"id": identifier, "expression": expression, "severity": severity, "message": identifier, **more}


def problem() -> Document:
    """Two staffing blocks, one tier: cost against abandonment, both traded freely."""
    return {
        "parameters": [
            {"name": "agents.day", "kind": "integer", "low": 5, "high": 60, "current": 30, "maximum_change": 10},
            {"name": "agents.night", "kind": "integer", "low": 2, "high": 40, "current": 15, "maximum_change": 10},
        ],
        "objectives": [
            {"name": "cost", "direction": "minimize", "maximum_worsening": None, "unit": "EUR"},
            {"name": "abandonment", "direction": "minimize", "maximum_worsening": None},
        ],
        "constraints": [{"subject": "abandonment", "at_most": 0.2}],
        "evaluator": {
            "kind": "erlang_a",
            "arrivals": [
                {"start": "09:00", "calls": 200},
                {"start": "09:30", "calls": 240},
                {"start": "18:00", "calls": 90},
                {"start": "18:30", "calls": 60},
            ],
            "handling_time_seconds": 200,
            "patience_seconds": 100,
            "blocks": {"day": [{"start": "09:00", "end": "17:00"}], "night": [{"start": "17:00", "end": "24:00"}]},
            "tiers": {"plain": {"price_per_minute": 0.05, "quality": 0.8}},
            "price_per_agent_hour": 8.0,
            "fixed": {"model.tier": "plain"},
        },
    }


def request(*afterwards: Step, **fields: Any) -> Document:
    """A decision among four candidates and today's settings; `afterwards` follow the settings' own steps."""
    return {
        "kind": "capacity",
        "tenant": TENANT,
        "deployment": DEPLOYMENT,
        "requester": "olivia",
        "problem": problem(),
        "candidates": [RECOMMENDED, CHEAPER, DEARER, CHEAPEST],
        "execution": {"afterwards": [step.model_dump(mode="json") for step in afterwards]},
        **fields,
    }


async def start(world: World, document: Document, *, known: bool = True) -> Decision:
    """Start a decision as any client could; where `known`, the store is told today's settings if it has none."""
    if known and not await world.parameters():
        await world.set(TODAY)
    return await world.client.start_workflow(
        "DecisionWorkflow",
        document,
        id=f"decision-{uuid4()}",
        task_queue=world.settings.task_queue,
        result_type=DecisionOutcome,
    )


async def status(decision: Decision) -> DecisionStatus:
    return await decision.query("status", result_type=DecisionStatus)


async def plan(decision: Decision) -> ExecutionPlan:
    return await decision.query("plan", result_type=ExecutionPlan)


async def waiting(decision: Decision, other_than: str = "") -> DecisionStatus:
    """How it stands once it waits for people, on another digest than that where one is given."""

    async def asked() -> DecisionStatus | None:
        found = await status(decision)
        return found if found.waiting and found.waiting[0].digest != other_than else None

    return await until(asked)


async def start_waiting(world: World, document: Document) -> tuple[Decision, str]:
    """Start a decision that asks people; returns the digest they are asked about."""
    decision = await start(world, document)
    return decision, (await waiting(decision)).waiting[0].digest


async def say(decision: Decision, kind: str, reviewer: str, **more: Any) -> RecordedReview:
    """Send a word as an update and return the answer."""
    word = {"kind": kind, "reviewer": reviewer, **more}
    return await decision.execute_update("review", word, result_type=RecordedReview)


async def refusal(decision: Decision, kind: str, reviewer: str, **more: Any) -> str:
    """Send a word that the update's validator refuses; why."""
    with pytest.raises(WorkflowUpdateFailedError) as error:
        await say(decision, kind, reviewer, **more)
    return str(error.value.cause)


async def recorded(decision: Decision, count: int) -> tuple[RecordedReview, ...]:
    """Every review, once there are so many."""

    async def enough() -> tuple[RecordedReview, ...] | None:
        reviews = (await status(decision)).reviews
        return reviews if len(reviews) >= count else None

    return await until(enough)


async def stored(world: World, decision: Decision) -> StoredDecision:
    """The decision as the store's table holds it."""
    async with world.database.reading() as session:
        found = await Decisions(session, TENANT).get(decision.id)
    assert found is not None
    return found
