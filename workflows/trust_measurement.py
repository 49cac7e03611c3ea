"""`TrustMeasurementWorkflow`: trust measured again for one tenant; `voicehive trust schedule` has it started."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from voicehive.autonomy.trust_measurement import KindMeasured, MeasurementRequest, TrustMeasured
    from workflows.search_attributes import TENANT

TIMEOUT = timedelta(minutes=15)
ATTEMPTS = RetryPolicy(
    initial_interval=timedelta(seconds=10),
    maximum_attempts=5,
    non_retryable_error_types=["PolicyInvalid", "OutcomesUnusable"],
)


@workflow.defn
class TrustMeasurementWorkflow:
    """Measures once; what was in force stays so until the measurement is done, and if it fails."""

    @workflow.run
    async def run(self, request: MeasurementRequest) -> TrustMeasured:
        """Measure every kind of decision of the tenant."""
        workflow.upsert_search_attributes([TENANT.value_set(request.tenant)])  # pyright: ignore[reportUnknownMemberType]
        measured = await workflow.execute_activity(
            "measure_trust",
            request,
            result_type=TrustMeasured,
            start_to_close_timeout=TIMEOUT,
            retry_policy=ATTEMPTS,
            summary=f"measure the trust in decisions of {request.tenant}",
        )
        workflow.set_current_details(_story(measured))
        return measured


def _story(measured: TrustMeasured) -> str:
    """The outcome in Markdown, for the web UI."""
    lines = [_told(kind) for kind in measured.kinds]
    if not measured.promised:
        lines = ["The policy makes no promise: its own threshold counts, and nothing was measured."]
    removed = f"{measured.observations_removed} old observations and {measured.charges_removed} old charges of models"
    return "\n".join([*(lines or ["No decision was assessed yet."]), "", f"Removed: {removed}."])


def _told(kind: KindMeasured) -> str:
    threshold = "none" if kind.threshold is None else f"{kind.threshold:.3f}"
    return f"- **{kind.kind}**: threshold {threshold}, of {kind.outcomes} outcomes; {kind.reason}"
