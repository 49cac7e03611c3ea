"""What the audit log is told: drafts of entries, made from what has just happened."""

from collections.abc import Iterable

from pydantic import JsonValue
from temporalio import activity

from voicehive.audit.entries import Draft, Kind, Personal
from voicehive.autonomy.authorization import Authorization
from voicehive.autonomy.outcomes.progress import Observation
from voicehive.autonomy.request import AuthorizationInput, DecisionRecord, Proposal
from voicehive.autonomy.review import RecordedReview
from voicehive.autonomy.verdict import DecisionResult
from voicehive.execution.record import ExecutionClosing, StepRecord
from voicehive.reasoning.models import ModelCall
from voicehive.storage.ledger import EXECUTION


def decision() -> str:
    """The decision that the activity belongs to, also where its execution calls it; else the workflow's own id."""
    info = activity.info()
    assert info.workflow_id is not None
    return info.workflow_id.removesuffix(EXECUTION) if info.workflow_type == "ExecutionWorkflow" else info.workflow_id


def running() -> str:
    """The run that the activity belongs to: its workflow's id and run id."""
    info = activity.info()
    return f"{info.workflow_id}/{info.workflow_run_id}"


def of_proposal(proposal: Proposal) -> Draft:
    """A verdict on a proposal, with every rule that was asked."""
    body: dict[str, JsonValue] = {"proposal": proposal.digest, "solution": proposal.solution.index}
    return _of_verdict(proposal.result, body)


def of_admission(result: DecisionResult, authorization: Authorization) -> Draft:
    """A verdict on a plan that nobody had permitted."""
    return _of_verdict(result, {"proposal": authorization.content_digest()})


def _of_verdict(result: DecisionResult, body: dict[str, JsonValue]) -> Draft:
    info = activity.info()
    document = result.model_dump(mode="json", include={"verdict", "mode", "confidence", "threshold", "held"})
    violated: list[JsonValue] = [
        {"id": finding.id, "step": finding.step, "severity": finding.severity} for finding in result.violated
    ]
    said: dict[str, JsonValue] = {
        **body,
        **document,
        "reasons": _unspoken_by_rules(result),
        "violated": violated,
        "policy": result.policy_digest,
    }
    return Draft(
        kind=Kind.VERDICT,
        body=said,
        decision_id=decision(),
        run_id=running(),
        key=f"{running()}/verdict/{info.activity_id}",
    )


def _unspoken_by_rules(result: DecisionResult) -> list[JsonValue]:
    """The reasons that no rule gave: what rules and switches say in words may name people, and could not be erased."""
    messages = [finding.message for finding in result.violated]
    return [reason for reason in result.reasons if not any(message in reason for message in messages)]


def of_permission(permission: AuthorizationInput, digest: str) -> list[Draft]:
    """What people said for it, and the permission itself."""
    authorization = Draft(
        kind=Kind.AUTHORIZATION,
        body={
            "permission": digest,
            "policy": permission.authorization.policy_digest,
            "approvals": len(permission.reviews),
        },
        decision_id=permission.decision_id,
        run_id=permission.holder,
        key=f"{permission.holder}/permission/{digest}",
    )
    return [*of_reviews(permission.reviews, permission.decision_id, permission.holder), authorization]


def of_reviews(reviews: Iterable[RecordedReview], decision_id: str, run: str) -> list[Draft]:
    """What people said, each once; who said it and in which words can be erased."""
    return [
        Draft(
            kind=Kind.REVIEW,
            body={"number": entry.number, "kind": entry.review.kind, "content": entry.content_digest()},
            personal={
                "reviewer": Personal(subject=entry.review.reviewer, value=entry.review.reviewer),
                "reason": Personal(subject=entry.review.reviewer, value=entry.review.reason),
            },
            decision_id=decision_id,
            run_id=run,
            key=f"{run}/review/{entry.content_digest()}",
        )
        for entry in reviews
    ]


def of_outcome(record: DecisionRecord) -> list[Draft]:
    """How a decision ended, and whatever people said that stands nowhere yet."""
    outcome = record.outcome
    body = outcome.model_dump(mode="json", include={"outcome", "verdict", "settings"})
    body |= {"kind": record.kind, "deployment": record.deployment}
    return _of_end(record.decision_id, record.requester, body, outcome.steps, outcome.reviews)


def of_execution(closing: ExecutionClosing) -> list[Draft]:
    """How a plan that was started by hand ended, and whatever people said that stands nowhere yet."""
    body: dict[str, JsonValue] = {"outcome": closing.result.outcome, "deployment": closing.deployment}
    return _of_end(decision(), closing.requester, body, closing.result.steps, closing.result.reviews)


def _of_end(
    decision_id: str,
    requester: str,
    body: dict[str, JsonValue],
    steps: Iterable[StepRecord],
    reviews: Iterable[RecordedReview],
) -> list[Draft]:
    states: list[JsonValue] = [{"name": step.name, "state": step.state} for step in steps]
    ended = Draft(
        kind=Kind.OUTCOME,
        body={**body, "steps": states},
        personal={"requester": Personal(subject=requester, value=requester)},
        decision_id=decision_id,
        run_id=running(),
        key=f"{running()}/outcome",
    )
    return [*of_reviews(reviews, decision_id, running()), ended]


def of_observation(run: str, observation: Observation) -> Draft:
    """What was observed of an applied plan, before anything is done about it."""
    return Draft(
        kind=Kind.OUTCOME,
        body={"observation": observation.model_dump(mode="json")},
        decision_id=decision(),
        run_id=running(),
        key=f"{run}/observation",
    )


def of_model_calls(calls: Iterable[ModelCall]) -> list[Draft]:
    """Each request to a language model, by the digests of what was sent and what came back."""
    info = activity.info()
    return [
        Draft(
            kind=Kind.MODEL_CALL,
            body=call.model_dump(mode="json"),
            decision_id=decision(),
            run_id=running(),
            key=f"{running()}/model/{info.activity_id}/{info.attempt}/{number}",
        )
        for number, call in enumerate(calls)
    ]
