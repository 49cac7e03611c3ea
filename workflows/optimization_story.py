"""How an optimisation stands, in Markdown, as the Temporal web UI shows it in the workflow's current details."""

from collections.abc import Iterator

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from voicehive.optimization.figures import figure
    from voicehive.optimization.models import Solution
    from voicehive.optimization.request import OptimizationOutcome, OptimizationRequest, OptimizationStatus

SHOWN_ROWS = 20
"""So many objectives, settings and islands are shown; what there is more of is counted."""


def of_optimization(request: OptimizationRequest, status: OptimizationStatus) -> str:
    """What is searched, how far it is, and what came of it."""
    problem = request.problem
    where = f" for {request.deployment}" if request.deployment else ""
    sizes = f"{len(problem.parameters)} parameters, {len(problem.objectives)} objectives"
    return "\n".join(
        [
            f"### Optimisation{where}: {sizes}",
            f"**{_headline(status)}**" + (f": {status.reason}" if status.reason else ""),
            "",
            *(_result(request, status.outcome) if status.outcome else _progress(request, status)),
        ]
    )


def _headline(status: OptimizationStatus) -> str:
    if status.outcome is None:
        return status.stage
    return "from the cache" if status.outcome.from_cache else f"ended by {status.outcome.stopped_by}"


def _progress(request: OptimizationRequest, status: OptimizationStatus) -> Iterator[str]:
    if status.stage != "searching":
        return
    begun = ", begun from an earlier front" if status.warm_started else ""
    yield f"Epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}, {status.evaluations:,} evaluations{begun}"
    yield ""
    if status.islands:
        yield "| island | epochs | generations | evaluations | front | |"
        yield "|---:|---:|---:|---:|---:|---|"
    for report in status.islands[:SHOWN_ROWS]:
        counts = (report.island + 1, report.epoch + 1, report.generations, report.evaluations, report.front)
        yield f"| {' | '.join(f'{count:,}' for count in counts)} | {report.stopped_by or ''} |"
    yield from _more(len(status.islands), "islands")
    yield "- send signal `stop` to make the best so far the result"


def _result(request: OptimizationRequest, outcome: OptimizationOutcome) -> Iterator[str]:
    found = "non-dominated solutions" if outcome.feasible else "least violating solutions; **nothing is feasible**"
    yield (
        f"{outcome.algorithm}: {outcome.evaluations:,} evaluations in {outcome.duration_seconds:.2f} s, "
        f"{outcome.front_size} {found}. Confidence {outcome.confidence:.2f}."
    )
    yield ""
    yield from _comparison(request, outcome.current, outcome.recommendation)
    yield from (f"- {reason}" for reason in outcome.reasons)
    yield ""
    yield f"The whole result is in the store: `{outcome.result}`"


def _comparison(request: OptimizationRequest, today: Solution | None, best: Solution) -> Iterator[str]:
    yield "| | today | recommended |"
    yield "|---|---:|---:|"
    for objective in request.problem.objectives[:SHOWN_ROWS]:
        before = _shown(today.outcomes.get(objective.name)) if today else ""
        after, unit = _shown(best.outcomes.get(objective.name)), f" {_cell(objective.unit)}" if objective.unit else ""
        yield f"| {_cell(objective.name)} ({objective.direction}) | {before}{unit} | {after}{unit} |"
    for name, value in list(best.settings.items())[:SHOWN_ROWS]:
        before = today.settings.get(name) if today else None
        mark = "**" if value != before else ""
        yield f"| `{_cell(name)}` | {_shown(before)} | {mark}{_shown(value)}{mark} |"
    yield ""
    yield from _more(len(request.problem.objectives), "objectives")
    yield from _more(len(best.settings), "settings")


def _shown(value: float | str | None) -> str:
    return "" if value is None else figure(value) if isinstance(value, float) else _cell(str(value))


def _cell(text: str) -> str:
    """A text in a table's cell, which a bare bar would end (GitHub Flavored Markdown, section 4.10)."""
    return text.replace("|", "\\|")


def _more(count: int, what: str) -> Iterator[str]:
    if count > SHOWN_ROWS:
        yield f"- and {count - SHOWN_ROWS} more {what}"
    yield ""
