"""The commands by which people speak to a run. Engines are imported when a command runs, so that `--help` is quick."""
# ruff: noqa: PLC0415

import asyncio
from typing import Annotated, Any

import typer

from voicehive.cli.options import Assignments, Digest, Id, Json, Reason, Reviewer, StepName

PANEL = "People"
app = typer.Typer()


def _say(workflow_id: str, kind: str, as_json: bool, **word: Any) -> None:
    from voicehive.cli.output import Output
    from voicehive.cli.reviews import review

    raise typer.Exit(asyncio.run(review(Output(as_json), workflow_id, kind, word)))


@app.command(rich_help_panel=PANEL)
def approve(
    workflow_id: Id,
    *,
    reviewer: Reviewer = None,
    reason: Reason = "",
    digest: Digest = None,
    step: StepName = None,
    as_json: Json = False,
) -> None:
    """Agree to what waits."""
    _say(workflow_id, "approve", as_json, reviewer=reviewer, reason=reason, digest=digest, step=step)


@app.command(rich_help_panel=PANEL)
def reject(
    workflow_id: Id,
    *,
    reviewer: Reviewer = None,
    reason: Reason = "",
    digest: Digest = None,
    step: StepName = None,
    as_json: Json = False,
) -> None:
    """Refuse what waits; while a plan runs: veto it, which undoes what was done."""
    _say(workflow_id, "reject", as_json, reviewer=reviewer, reason=reason, digest=digest, step=step)


@app.command(rich_help_panel=PANEL)
def edit(
    workflow_id: Id,
    *,
    solution: Annotated[int | None, typer.Option(help="Another solution of the front, by its index.")] = None,
    assignments: Assignments = None,
    arguments: Annotated[
        str | None, typer.Option(metavar="JSON", help="Other arguments of steps, by the steps' names.")
    ] = None,
    reviewer: Reviewer = None,
    reason: Reason = "",
    digest: Digest = None,
    as_json: Json = False,
) -> None:
    """Put something else in its place; it is assessed anew and asked again."""
    from voicehive.cli.reviews import read_edit

    settings, step_arguments = read_edit(assignments or [], arguments)
    word: dict[str, Any] = {"solution": solution, "settings": settings, "arguments": step_arguments}
    _say(workflow_id, "edit", as_json, reviewer=reviewer, reason=reason, digest=digest, **word)


@app.command(rich_help_panel=PANEL)
def delegate(
    workflow_id: Id,
    *,
    to: Annotated[str, typer.Option(help="Who is to decide.")],
    reviewer: Reviewer = None,
    reason: Reason = "",
    step: StepName = None,
    as_json: Json = False,
) -> None:
    """Entitle somebody else to decide."""
    _say(workflow_id, "delegate", as_json, to=to, reviewer=reviewer, reason=reason, step=step)


@app.command(rich_help_panel=PANEL)
def comment(workflow_id: Id, reason: Reason = "", reviewer: Reviewer = None, as_json: Json = False) -> None:
    """Leave a remark (--reason), which decides nothing."""
    _say(workflow_id, "comment", as_json, reviewer=reviewer, reason=reason)


@app.command(rich_help_panel=PANEL)
def pause(workflow_id: Id, reason: Reason = "", reviewer: Reviewer = None, as_json: Json = False) -> None:
    """Let a running plan start no further step."""
    _say(workflow_id, "pause", as_json, reviewer=reviewer, reason=reason)


@app.command(rich_help_panel=PANEL)
def resume(workflow_id: Id, reason: Reason = "", reviewer: Reviewer = None, as_json: Json = False) -> None:
    """Let a paused plan go on."""
    _say(workflow_id, "resume", as_json, reviewer=reviewer, reason=reason)


@app.command(rich_help_panel=PANEL)
def rollback(workflow_id: Id, reason: Reason = "", reviewer: Reviewer = None, as_json: Json = False) -> None:
    """Stop a running plan and undo what it did."""
    _say(workflow_id, "rollback", as_json, reviewer=reviewer, reason=reason)


@app.command(rich_help_panel=PANEL)
def retry(
    workflow_id: Id, step: StepName = None, reason: Reason = "", reviewer: Reviewer = None, as_json: Json = False
) -> None:
    """Try again to undo a step that needs attention."""
    _say(workflow_id, "retry", as_json, reviewer=reviewer, reason=reason, step=step)


@app.command(rich_help_panel=PANEL)
def skip(
    workflow_id: Id,
    reason: Annotated[str, typer.Option(help="Why the step need not be undone; it is kept.")],
    step: StepName = None,
    reviewer: Reviewer = None,
    as_json: Json = False,
) -> None:
    """Leave a step that needs attention as it is."""
    _say(workflow_id, "skip", as_json, reviewer=reviewer, reason=reason, step=step)


@app.command(rich_help_panel=PANEL)
def done(
    workflow_id: Id, step: StepName = None, reason: Reason = "", reviewer: Reviewer = None, as_json: Json = False
) -> None:
    """Say that a step that needs attention was undone by hand."""
    _say(workflow_id, "done", as_json, reviewer=reviewer, reason=reason, step=step)
