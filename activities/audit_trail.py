"""What the audit log is told: drafts of entries, made from what has just happened."""

import hashlib
from collections.abc import Iterable

from pydantic import JsonValue
from temporalio import activity

from voicehive.audit.entries import Draft, Kind, Personal, canonical_json
from voicehive.autonomy.authorization import Authorization
from voicehive.autonomy.outcomes.progress import Observation
from voicehive.autonomy.request import AuthorizationInput, DecisionRecord, Proposal
from voicehive.autonomy.review import RecordedReview
from voicehive.autonomy.verdict import DecisionResult
from voicehive.execution.record import ExecutionClosing, StepRecord
from voicehive.reasoning.models import ModelCall


def decision() -> str:
    """The decision that takes itself here, or the plan started by hand: the id of the activity's own workflow."""
    workflow_id = activity.info().workflow_id
    assert workflow_id is not None
    return workflow_id


def running() -> str:
    """The run that the activity belongs to: its workflow's id and run id."""
    info = activity.info()
    return f"{info.workflow_id}/{info.workflow_run_id}"


def of_proposal(proposal: Proposal) -> Draft:
    """A verdict on a proposal, with every rule that was asked."""
    body: dict[str, JsonValue] = {"proposal": proposal.digest, "solution": proposal.solution.index}
    return _of_verdict(proposal.result, body, decision())


def of_admission(result: DecisionResult, authorization: Authorization, asked_by: str | None = None) -> Draft:
    """A verdict on a plan that nobody had permitted; `asked_by` is the decision's run that started it, if one did."""
    decision_id = decision() if asked_by is None else asked_by.partition("/")[0]
    return _of_verdict(result, {"proposal": authorization.content_digest()}, decision_id)


def _of_verdict(result: DecisionResult, body: dict[str, JsonValue], decision_id: str) -> Draft:
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
        decision_id=decision_id,
        run_id=running(),
        key=f"{running()}/verdict/{info.activity_id}/{_digest(said)}",
    )


def _digest(body: JsonValue) -> str:
    """Part of a key where the next attempt may find otherwise: what it acts on is then recorded too."""
    return hashlib.sha256(canonical_json(body).encode()).hexdigest()


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
    """What people said, each once; who said it and in which words can be erased, and with them the digest of it all.

    The digest is of few words and guessable names: whoever saw it in clear could find out what was erased.
    """
    return [
        Draft(
            kind=Kind.REVIEW,
            body={"number": entry.number, "kind": entry.review.kind},
            personal={
                "reviewer": Personal(subject=entry.review.reviewer, value=entry.review.reviewer),
                "reason": Personal(subject=entry.review.reviewer, value=entry.review.reason),
                "content": Personal(subject=entry.review.reviewer, value=entry.content_digest()),
            },
            decision_id=decision_id,
            run_id=run,
            key=f"{run}/review/{entry.at.isoformat()}/{entry.number}/{entry.review.kind}",
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


def of_observation(run: str, observation: Observation, decision_id: str) -> Draft:
    """What was observed of an applied plan, before anything is done about it."""
    return Draft(
        kind=Kind.OUTCOME,
        body={"observation": observation.model_dump(mode="json")},
        decision_id=decision_id,
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
            decision_id=info.workflow_id,
            run_id=running(),
            key=f"{running()}/model/{info.activity_id}/{info.attempt}/{number}/{call.content_digest()}",
        )
        for number, call in enumerate(calls)
    ]
