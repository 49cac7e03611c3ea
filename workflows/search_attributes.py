"""The search attributes by which decisions and executions are found."""

from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from voicehive.autonomy.progress import Stage
    from voicehive.autonomy.verdict import DecisionResult

TENANT = SearchAttributeKey.for_keyword("VoiceHiveTenant")
STAGE = SearchAttributeKey.for_keyword("VoiceHiveStage")
VERDICT = SearchAttributeKey.for_keyword("VoiceHiveVerdict")
RISK = SearchAttributeKey.for_keyword("VoiceHiveRisk")
CONFIDENCE = SearchAttributeKey.for_float("VoiceHiveConfidence")
REVIEWER = SearchAttributeKey.for_keyword_list("VoiceHiveReviewer")


def stage_entered(tenant: str, stage: Stage, result: DecisionResult | None) -> None:
    """Show whose run this is, how far it has come, and the verdict once there is one.

    The gravest severity among the violated rules is shown as the risk.
    """
    updates: list[SearchAttributeUpdate[Any]] = [TENANT.value_set(tenant), STAGE.value_set(stage)]
    if result is not None:
        violated = {finding.severity for finding in result.violated}
        risk = next((severity for severity in ("block", "escalate", "warn") if severity in violated), "none")
        updates += [
            VERDICT.value_set(result.verdict),
            CONFIDENCE.value_set(result.confidence.value),
            RISK.value_set(risk),
        ]
    _upsert(*updates)


def waiting_for(reviewers: tuple[str, ...]) -> None:
    """Show who is being waited for."""
    _upsert(REVIEWER.value_set(list(reviewers)))


def _upsert(*updates: SearchAttributeUpdate[Any]) -> None:
    workflow.upsert_search_attributes(updates)  # pyright: ignore[reportUnknownMemberType] - untyped in the SDK
