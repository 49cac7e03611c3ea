"""The story so far, in Markdown, as the Temporal web UI shows it in a workflow's current details.

What a person can do now comes first, for the page shows the beginning. A list needs an empty line before it there.
"""

import json
from collections.abc import Iterable, Iterator

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from voicehive.autonomy.outcomes.progress import Observation
    from voicehive.autonomy.progress import Waiting
    from voicehive.autonomy.request import DecisionRequest, DecisionStatus
    from voicehive.autonomy.review import RecordedReview
    from voicehive.autonomy.verdict import DecisionResult
    from voicehive.execution.canary import Canary, percent
    from voicehive.execution.plan import ExecutionPlan
    from voicehive.execution.record import ExecutionRequest, ExecutionStatus, StepRecord, StepState
    from voicehive.optimization.figures import figure
    from voicehive.optimization.models import Solution
    from voicehive.optimization.parameter import Setting

MARKS: dict[StepState, str] = {
    "pending": "·",
    "waiting_for_people": "?",
    "running": "…",
    "applied": "✔",
    "failed": "✘",
    "not_started": "–",
    "compensating": "…",
    "compensated": "↩",
    "needs_attention": "‼",
    "skipped": "»",
    "done_by_hand": "✎",
}
SHOWN_REVIEWS = 20
SHOWN_ARGUMENTS = 400
MOST_RULES_NAMED = 20


def of_decision(request: DecisionRequest, status: DecisionStatus, plan: ExecutionPlan | None) -> str:
    """What is decided, how it stands, and what a person can do now."""
    return "\n".join(
        [
            f"### {request.kind} decision for {request.deployment}, asked by {request.requester}",
            *_headline(status.outcome or status.stage, status.reason),
            *_waiting(status.waiting),
            *([f"> {request.note}", ""] if request.note else []),
            *_comparison(request, status.solution, status),
            *_verdict(status.result),
            *([f"**Execution:** `{status.execution}`", ""] if status.execution else []),
            *_attention(status.needs_attention),
            *(_steps(status.steps) if status.steps else _plan(plan)),
            *_observation(status.observation),
            *_judgement(status),
            *_search(status),
            *_reviews(status.reviews),
        ]
    )


def of_execution(request: ExecutionRequest, status: ExecutionStatus) -> str:
    """What is being done, how far it is, and what a person can do now."""
    return "\n".join(
        [
            f"### {request.plan.name} on {request.deployment}, asked by {request.requester}",
            *_headline("paused" if status.paused else status.outcome or status.stage, status.reason),
            *_attention(status.needs_attention),
            *_waiting(status.waiting),
            *(_steps(status.steps) if status.steps else _plan(request.plan)),
            *_observation(status.observation),
            *_verdict(status.admission),
            *_reviews(status.reviews),
        ]
    )


def _headline(stage: str, reason: str) -> Iterator[str]:
    yield f"**{stage.replace('_', ' ')}**" + (f": {reason}" if reason else "")
    yield ""


def _search(status: DecisionStatus) -> Iterator[str]:
    if (summary := status.summary) is not None:
        yield (
            f"**Search:** {summary.algorithm}, {summary.evaluations:,} evaluations in "
            f"{summary.duration_seconds:.2f} s, {summary.front_size} non-dominated solutions"
        )
        yield ""


def _comparison(request: DecisionRequest, solution: Solution | None, status: DecisionStatus) -> Iterator[str]:
    if solution is None or status.summary is None:
        return
    today = status.summary.current
    yield "| | today | proposed |"
    yield "|---|---:|---:|"
    for objective in request.problem.objectives:
        before, after = today.outcomes[objective.name], solution.outcomes[objective.name]
        unit = f" {objective.unit}" if objective.unit else ""
        yield f"| {objective.name} ({objective.direction}) | {_figure(before)}{unit} | {_figure(after)}{unit} |"
    for name, value in solution.settings.items():
        before = today.settings.get(name)
        mark = "**" if value != before else ""
        yield f"| `{name}` | {_setting(before)} | {mark}{_setting(value)}{mark} |"
    yield ""


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def _setting(value: Setting | None) -> str:
    return figure(value) if isinstance(value, float) else str(value)


def _judgement(status: DecisionStatus) -> Iterator[str]:
    """What the reasoner said, as long as it is about what would run."""
    if status.judgement is not None and len(status.proposals) <= 1:
        yield f"{status.judgement.explanation} *({status.judgement.source})*"
        yield ""


def _verdict(result: DecisionResult | None) -> Iterator[str]:
    if result is None:
        return
    parts = ", ".join(f"{name} {value:.2f}" for name, value in result.confidence.parts.items())
    calibrated = "" if result.confidence.calibrated else ", not calibrated"
    yield f"**Verdict: {result.verdict}** ({'; '.join(result.reasons)})"
    yield ""
    yield f"- confidence {result.confidence.value:.2f} of {result.threshold:.2f} needed ({parts}{calibrated})"
    for finding in result.violated:
        said = finding.cause or f"`{finding.expression}`"
        where = f" at `{finding.step}`" if finding.step else ""
        yield f"- ✘ {finding.severity} {finding.id}{where}: {said}"
    own = result.held.get("", ())
    if 0 < len(own) <= MOST_RULES_NAMED:
        yield f"- ✔ {', '.join(own)}"
    elif own:
        yield f"- ✔ {len(own)} rules on the decision"
    if of_steps := result.checks_held - len(own):
        yield f"- ✔ {of_steps} checks of single steps"
    yield ""


def _waiting(waiting: Iterable[Waiting]) -> Iterator[str]:
    for question in waiting:
        until = f"until {question.until:%Y-%m-%d %H:%M} UTC" if question.until else "without a deadline"
        have = f"{len(question.approvals)} of {question.quorum} approvals"
        asked = " or ".join(question.reviewers)
        yield f"**Waiting for {asked}** ({question.rung}) on {question.subject}, {until}: {have}"
        yield ""
        example = {"reviewer": question.reviewers[0] if question.reviewers else "", "digest": question.digest}
        if question.subject not in ("decision", "plan"):
            example["step"] = question.subject
        yield f"- send signal `approve` or `reject` with `{json.dumps(example)}`"
        yield ""


def _attention(steps: Iterable[str]) -> Iterator[str]:
    for step in steps:
        example = json.dumps({"reviewer": "...", "step": step, "reason": "..."})
        yield f"**The compensation of `{step}` needs attention:** send `retry`, `skip` or `done` with `{example}`"
        yield ""


def _steps(steps: Iterable[StepRecord]) -> Iterator[str]:
    for number, step in enumerate(steps, 1):
        detail = f": {step.detail}" if step.detail else ""
        yield f"{number}. {MARKS[step.state]} {step.summary} ({step.state.replace('_', ' ')}){detail}"
    yield ""


def _observation(observation: Observation | None) -> Iterator[str]:
    if observation is None:
        return
    until = "" if observation.is_final else f", until {observation.until:%Y-%m-%d %H:%M} UTC at the latest"
    yield f"**Observed** ({observation.readings} readings{until}): {observation.in_words()}"
    yield ""


def _plan(plan: ExecutionPlan | None) -> Iterator[str]:
    """All that would run, before anybody agrees to it: not only the summaries, which the plan's author wrote."""
    if plan is None:
        return
    yield "**Would run, and how it would be undone:**"
    yield ""
    for number, step in enumerate(plan.steps, 1):
        after = f" after {', '.join(step.depends_on)}" if step.depends_on else ""
        undone = ""
        if step.compensation is not None:
            given = step.compensation.arguments
            undone = f"; undone with `{json.dumps(given)[:SHOWN_ARGUMENTS]}`" if given else "; can be undone"
        checked = f"; then `{step.verification.action}`" if step.verification else ""
        arguments = json.dumps(step.arguments)[:SHOWN_ARGUMENTS]
        staged = f", {_canary(step.canary)}" if step.canary else ""
        yield f"{number}. `{step.name}`{after}: {step.action} `{arguments}`{staged}{checked}{undone}"
    yield ""


def _canary(canary: Canary) -> str:
    shares = ", ".join(f"{percent(stage.share)} % (watched for up to {stage.watch.window})" for stage in canary.stages)
    return f"as a canary at {shares}; an unclear outcome: {canary.on_unclear.replace('_', ' ')}"


def _reviews(reviews: tuple[RecordedReview, ...]) -> Iterator[str]:
    for entry in reviews[-SHOWN_REVIEWS:]:
        word = entry.review
        said = f": {word.reason}" if word.reason else ""
        refused = "" if entry.accepted else f" (refused: {entry.refusal})"
        yield f"- {entry.at:%Y-%m-%d %H:%M:%S} **{word.reviewer}** {word.kind}{said}{refused}"


def of_shadow(result: DecisionResult) -> str:
    """What a decision in the mode `shadow` would have done."""
    alternative = "run alone" if result.verdict == "execute" else "asked people"
    return f"shadow: nothing was done; it would have {alternative}: {'; '.join(result.reasons)}"
