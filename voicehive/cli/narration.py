"""Tells a run as it happens: each time it is shown how the run stands, it prints what is new."""

from rich.console import Console

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
        self._steps(run, {step.name: step for step in before.steps} if before else {})
        if run.stage == "rolling_back" and (before is None or before.stage != "rolling_back"):
            reason = run.execution.reason if run.execution else ""
            self._console.print(rendering.line("<", f"rolling back: {reason}", "yellow"))
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

    def _steps(self, run: Run, before: dict[str, StepRecord]) -> None:
        changed = [
            (number, step)
            for number, step in enumerate(run.steps, 1)
            if step.state != "pending" and (step.name not in before or before[step.name].state != step.state)
        ]
        forward = [pair for pair in changed if pair[1].state not in REVERSED]
        backward = [pair for pair in reversed(changed) if pair[1].state in REVERSED]
        for number, step in [*forward, *backward]:
            if step.state == "needs_attention":
                self._print(*rendering.attention(run.id, step))
            else:
                self._console.print(rendering.step(number, len(run.steps), step))

    def _print(self, *lines: object) -> None:
        for each in lines:
            self._console.print(each, soft_wrap=False)
