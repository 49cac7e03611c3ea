"""How things look on a terminal of 80 columns: every meaning stands in words or marks, colour only repeats it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import JsonValue
from rich import box
from rich.table import Table
from rich.text import Text

from voicehive.autonomy.outcomes.progress import Observation
from voicehive.autonomy.progress import Waiting
from voicehive.autonomy.request import OptimizationSummary
from voicehive.autonomy.review import RecordedReview
from voicehive.autonomy.verdict import DecisionResult
from voicehive.execution.plan import ExecutionPlan
from voicehive.execution.record import StepRecord, StepState
from voicehive.optimization.figures import figure
from voicehive.optimization.models import Objective, Solution

STEP_STATES: dict[StepState, tuple[str, str]] = {
    "pending": ("·", "dim"),
    "waiting_for_people": ("?", "yellow"),
    "running": (">", "cyan"),
    "applied": ("✔", "green"),
    "failed": ("✘", "red"),
    "not_started": ("-", "dim"),
    "compensating": ("<", "yellow"),
    "compensated": ("↩", "yellow"),
    "needs_attention": ("!", "bold red"),
    "skipped": ("-", "yellow"),
    "done_by_hand": ("✔", "yellow"),
}
OUTCOMES = {
    "executed": ("✔", "green"),
    "unchanged": ("✔", "green"),
    "applied": ("✔", "green"),
    "rejected": ("✘", "red"),
    "rolled_back": ("↩", "yellow"),
}


def line(mark: str, text: str, style: str = "") -> Text:
    """A mark and a sentence; only the mark is coloured."""
    return Text.assemble((f"{mark} ", style), text)


def words(identifier: str) -> str:
    """An identifier as people read it."""
    return identifier.replace("_", " ")


def value(setting: JsonValue) -> str:
    """A number with as many digits as count, anything else as it is."""
    if isinstance(setting, float):
        return figure(setting)
    return "unset" if setting is None else str(setting)


def table(*columns: str, numbers: Iterable[str] = ()) -> Table:
    """A table in the one style; the columns in `numbers` are aligned to the right."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        right = column in numbers
        made.add_column(column, justify="right" if right else "left", no_wrap=right, overflow="fold")
    return made


def search(summary: OptimizationSummary) -> Text:
    """What the search did."""
    return line(
        "✔",
        f"searched: {summary.algorithm}, {summary.evaluations:,} evaluations in {summary.duration_seconds:.2f} s, "
        f"{summary.front_size} non-dominated solutions",
        "green",
    )


def comparison(objectives: Sequence[Objective], today: Solution, proposed: Solution) -> Table:
    """Today against the proposal: what counts, then the settings, the changed ones marked."""
    made = table("", "today", "proposed", "unit", "", numbers=("today", "proposed"))
    for objective in objectives:
        before, after = today.outcomes[objective.name], proposed.outcomes[objective.name]
        judged = _judged(objective, before, after)
        made.add_row(Text(words(objective.name)), value(before), value(after), Text(objective.unit), judged)
    made.add_section()
    for name, after in proposed.settings.items():
        before = today.settings.get(name)
        changed = "changed" if before != after else ""
        made.add_row(Text(name), Text(value(before)), Text(value(after)), "", changed)
    return made


def _judged(objective: Objective, before: float, after: float) -> Text:
    if value(before) == value(after):
        return Text("same", "dim")
    better = (after < before) == (objective.direction == "minimize")
    return Text("better", "green") if better else Text("worse", "red")


def verdict(result: DecisionResult) -> Iterator[Text]:
    """The verdict, why, the confidence with its parts, and each rule that does not hold."""
    mark, style = {"execute": ("✔", "green"), "escalate": ("?", "yellow"), "reject": ("✘", "red")}[result.verdict]
    yield line(mark, f"verdict {result.verdict}: {'; '.join(result.reasons)}", style)
    confidence = result.confidence
    parts = ", ".join(f"{name} {part:.2f}" for name, part in confidence.parts.items())
    calibrated = "" if confidence.calibrated else "; not calibrated yet"
    yield Text(f"  confidence {confidence.value:.2f}, needed {result.threshold:.2f} ({parts}{calibrated})", "dim")
    yield Text(f"  {result.checks_held} of {result.checks_held + len(result.violated)} rule checks hold", "dim")


def waiting(workflow_id: str, question: Waiting) -> Iterator[Text]:
    """Who is asked, until when, and which command answers."""
    until = f"until {question.until:%Y-%m-%d %H:%M} UTC" if question.until else "without a deadline"
    have = f"{len(question.approvals)} of {question.quorum} approvals"
    asked = " or ".join(question.reviewers)
    yield line("?", f"waiting for {asked} ({question.rung}) on {question.subject}, {until}: {have}", "yellow")
    reviewer = question.reviewers[0] if question.reviewers else "NAME"
    for kind in ("approve", "reject"):
        yield Text(f"    voicehive {kind} {workflow_id} --reviewer {reviewer}", "bold")


def attention(workflow_id: str, step: StepRecord) -> Iterator[Text]:
    """A parked compensation and the commands that settle it."""
    yield line("!", f"undoing {step.name} keeps failing and waits for a person: {step.detail}", "bold red")
    for kind, reason in (("retry", ""), ("skip", " --reason '...'"), ("done", "")):
        yield Text(f"    voicehive {kind} {workflow_id} --step {step.name}{reason} --reviewer NAME", "bold")


def step(number: int, count: int, record: StepRecord) -> Text:
    """A step as it stands."""
    mark, style = STEP_STATES[record.state]
    detail = f": {record.detail}" if record.detail else ""
    return line(mark, f"step {number}/{count} {record.summary}: {words(record.state)}{detail}", style)


def observation(stands: Observation) -> Text:
    """What is observed of an applied plan, so far or in the end."""
    readings = "1 reading" if stands.readings == 1 else f"{stands.readings} readings"
    if not stands.is_final:
        known = f": so far {stands.in_words()}" if stands.verdict else ""
        return line("…", f"observing until {stands.until:%Y-%m-%d %H:%M} UTC at the latest, {readings}{known}", "cyan")
    assert stands.verdict is not None
    mark, style = {"good": ("✔", "green"), "bad": ("✘", "red"), "unclear": ("?", "yellow")}[stands.verdict.verdict]
    return line(mark, f"observed after {readings}: {stands.in_words()}", style)


def review(entry: RecordedReview) -> Text:
    """Who said what, and whether it counted."""
    said = f": {entry.review.reason}" if entry.review.reason else ""
    about = f"{entry.review.reviewer} says {entry.review.kind} on {entry.subject}{said}"
    if not entry.accepted:
        return line("✘", f"{about} (refused: {entry.refusal})", "red")
    return line("✔", f"{about} (recorded as number {entry.number})", "green")


def ending(outcome: str | None, state: str, reason: str) -> Text:
    """How a run ended."""
    mark, style = OUTCOMES.get(outcome or "", ("✘", "red"))
    return line(mark, f"{words(outcome or state.lower())}: {reason}", style)


def plan(content: ExecutionPlan) -> Table:
    """A plan's steps in their order."""
    made = table("#", "step", "action", "after", "undone", numbers=("#",))
    for number, each in enumerate(content.steps, 1):
        undone = "read-only" if each.compensation is None else "yes"
        made.add_row(str(number), each.name, each.action, ", ".join(each.depends_on), undone)
    return made


def settings(before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]) -> Table:
    """A deployment's settings at two times."""
    made = table("setting", "before", "after", "", numbers=("before", "after"))
    for name in sorted({*before, *after}):
        same = before.get(name) == after.get(name)
        mark = Text("✔ as before", "green") if same else Text("✘ differs", "red")
        made.add_row(name, value(before.get(name)), value(after.get(name)), mark)
    return made
