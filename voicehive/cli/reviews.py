"""Says a person's word to a run and hears what became of it."""

import getpass
from datetime import timedelta
from typing import Any

from pydantic import JsonValue
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from voicehive.autonomy.review import RecordedReview, read_review
from voicehive.cli import rendering
from voicehive.cli.errors import InputInvalid, NothingAnswers, ReviewNotTaken
from voicehive.cli.exit_codes import ExitCode
from voicehive.cli.input_files import read_assignments, read_json
from voicehive.cli.output import Output
from voicehive.cli.runs import SILENCE, RunObserver, failure_of, no_worker
from voicehive.cli.session import Session, open_session

REVIEW_TIMEOUT = timedelta(seconds=15)


async def review(output: Output, workflow_id: str, kind: str, word: dict[str, Any]) -> ExitCode:
    """Send a word through the update `review`; what was left out of `word` is None or empty.

    Raises:
        InputInvalid: the word does not fit, or there is no such run.
        ReviewNotTaken: the run refuses it, or has ended.
        NothingAnswers: no worker took it in time.
    """
    message = {name: content for name, content in word.items() if content not in (None, "", {}, [])}
    message.setdefault("reviewer", getpass.getuser())
    try:
        read_review(kind, message)
    except ValueError as error:
        raise InputInvalid(str(error)) from None
    entry = await _send(await open_session(), workflow_id, {"kind": kind, **message})
    output.document(entry)
    if not entry.accepted:
        raise ReviewNotTaken(f"{kind} was refused: {entry.refusal}")
    output.console.print(rendering.review(entry))
    return ExitCode.DONE


async def _send(session: Session, workflow_id: str, message: dict[str, Any]) -> RecordedReview:
    handle = session.client.get_workflow_handle(workflow_id)
    try:
        return await handle.execute_update(  # pyright: ignore[reportUnknownMemberType]  # the SDK types `args` loosely
            "review", message, result_type=RecordedReview, rpc_timeout=REVIEW_TIMEOUT
        )
    except WorkflowUpdateFailedError as error:
        refusal = f"{message['kind']} was refused: {failure_of(error)}"
        raise ReviewNotTaken(f"{refusal} (see `voicehive status {workflow_id}`)") from None
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise NothingAnswers(_unanswered(session, workflow_id)) from None
    except RPCError as error:
        if error.status in SILENCE:
            raise NothingAnswers(_unanswered(session, workflow_id)) from None
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        run = await RunObserver(session, workflow_id).observe()
        raise ReviewNotTaken(f"{workflow_id} has ended ({run.outcome or run.state.lower()}): nothing waits") from None


def _unanswered(session: Session, workflow_id: str) -> str:
    return (
        f"{no_worker(session)}. The word may still be taken once one runs; `voicehive status {workflow_id}` tells then"
    )


def read_edit(assignments: list[str], arguments: str | None) -> tuple[dict[str, JsonValue], JsonValue]:
    """The settings and the steps' arguments of an edit.

    Raises:
        InputInvalid: an assignment or the JSON cannot be read.
    """
    try:
        return read_assignments(assignments), read_json(arguments) if arguments is not None else {}
    except ValueError:
        raise InputInvalid(
            f"--arguments {arguments}: not JSON; write the steps' arguments by the steps' names, "
            'for example \'{"set-agents.peak": {"value": 90}}\''
        ) from None
