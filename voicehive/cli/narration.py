"""Tells a run as it happens: each time it is shown how the run stands, it prints what is new."""

from rich.console import Console, RenderableType

from voicehive.autonomy.request import DecisionStatus
from voicehive.cli import rendering
from voicehive.cli.runs import Run
from voicehive.execution.record import StepRecord, StepState

REVERSED: frozenset[StepState] = frozenset({"compensating", "compensated"})


class Narrator:
    """Prints what has changed since the last time. Nothing is lost where stages pass faster than they are looked at."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: Run | None = None

    def tell(self, run: Run) -> None:
        """Print what is new."""
        before, self._told = self._told, run
        if run.decision is not None:
            self._decision(run, before.decision if before else None, run.decision)
        for entry in run.reviews[len(before.reviews) if before else 0 :]:
            self._console.print(rendering.review(entry))
        for workflow_id, question in run.waiting:
            if before is None or (workflow_id, question) not in before.waiting:
                self._print(*rendering.waiting(workflow_id, question))
        changed = self._changed_steps(run, before)
        self._steps(run, [(number, step) for number, step in changed if step.state not in REVERSED])
        if run.observation is not None and _standing(run) != (_standing(before) if before else None):
            self._console.print(rendering.observation(run.observation))
        if run.stage == "rolling_back" and (before is None or before.stage != "rolling_back"):
            reason = run.execution.reason if run.execution else ""
            self._console.print(rendering.line("<", f"rolling back: {reason}", "yellow"))
        self._steps(run, [(number, step) for number, step in reversed(changed) if step.state in REVERSED])
        if run.trouble and (before is None or run.trouble != before.trouble) and run.state == "RUNNING":
            self._console.print(rendering.line("!", run.trouble, "red"))
        if run.state != "RUNNING":
            self._console.print(rendering.ending(run.outcome, run.state, run.reason or run.trouble))

    def _decision(self, run: Run, before: DecisionStatus | None, now: DecisionStatus) -> None:
        if now.summary is not None and (before is None or before.summary is None):
            self._console.print(rendering.search(now.summary))
        if now.judgement is not None and (before is None or before.judgement is None):
            judged = f"reasoned ({now.judgement.source}): {now.judgement.explanation}"
            self._console.print(rendering.line("✔", judged, "green"))
        if now.result is None or (before is not None and now.result == before.result):
            return
        if now.summary is not None and now.solution is not None:
            self._console.print(rendering.comparison(run.objectives, now.summary.current, now.solution))
        self._print(*rendering.verdict(now.result))

    @staticmethod
    def _changed_steps(run: Run, before: Run | None) -> list[tuple[int, StepRecord]]:
        """The steps in another state than last told; one that was applied and undone since then appears twice."""
        told = {step.name: step.state for step in before.steps} if before else {}
        changed: list[tuple[int, StepRecord]] = []
        for number, step in enumerate(run.steps, 1):
            state = told.get(step.name, "pending")
            if step.state in REVERSED and step.result is not None and state in ("pending", "running"):
                changed.append((number, step.model_copy(update={"state": "applied"})))
            if step.state != state:
                changed.append((number, step))
        return changed

    def _steps(self, run: Run, changed: list[tuple[int, StepRecord]]) -> None:
        for number, step in changed:
            if step.state == "needs_attention":
                self._print(*rendering.attention(run.id, step))
            else:
                self._console.print(rendering.step(number, len(run.steps), step))

    def _print(self, *lines: RenderableType) -> None:
        for each in lines:
            self._console.print(each)


def _standing(run: Run) -> tuple[str, bool] | None:
    """What is observed of a run, without the numbers that change with every reading."""
    if (stands := run.observation) is None:
        return None
    return stands.verdict.verdict if stands.verdict else "", stands.is_final
