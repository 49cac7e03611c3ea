"""A front as one HTML file that needs no network: ECharts, the result and the page's own code are inlined."""

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from importlib import resources
from string import Template
from typing import Any

from voicehive.optimization.models import Objective, Solution
from voicehive.optimization.parameter import Parameter, Setting
from voicehive.optimization.pictures.front_view import NOTHING_FEASIBLE, marks, moved_most, summary
from voicehive.optimization.result import OptimizationResult

MOST_AXES = 12
"""So many objectives are drawn at first; the reader may choose others."""

_DIGITS = 8


def front_page(
    result: OptimizationResult, objectives: Sequence[Objective], parameters: Sequence[Parameter] = (), *, title: str
) -> str:
    """Make the page of a result.

    Convergence alone for one objective; a scatter plot for two and of each pair for three and four; parallel
    coordinates (Inselberg 1985) beyond, the better side of all axes on one side, of the at most `MOST_AXES` objectives
    that move most. Numbers carry eight significant digits.

    Args:
        result: what to show.
        objectives: the problem's, in their order.
        parameters: the problem's, for their units.
        title: the heading, for example the problem file's name.
    """
    script, echarts = _asset("front.js"), _asset("echarts.min.js")
    data = json.dumps(_content(result, objectives, parameters, title), allow_nan=False, separators=(",", ":"))
    return Template(_asset("front.html")).substitute(
        style=_asset("front.css"),
        script=script,
        echarts=echarts,
        # Nothing but these two runs, even if a text from the document came to stand in the page as markup.
        script_hashes=" ".join(_source(each) for each in (script, echarts)),
        data=data.replace("<", "\\u003c"),  # no text can end the element that holds it
    )


def _asset(name: str) -> str:
    return resources.files("voicehive").joinpath("assets", name).read_text(encoding="utf-8")


def _source(script: str) -> str:
    """A script's source expression (W3C Content Security Policy Level 3, section 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _content(
    result: OptimizationResult, objectives: Sequence[Objective], parameters: Sequence[Parameter], title: str
) -> dict[str, Any]:
    today = result.current
    solutions = [*result.front, *([today] if today is not None and today.index < 0 else [])]
    shown = {objective.name for objective in moved_most(result, objectives, MOST_AXES)}
    return {
        "title": title,
        "summary": summary(result),
        "warning": "" if result.feasible else NOTHING_FEASIBLE,
        "reasons": result.reasons,
        "recommended": result.recommended,
        "today": None if today is None else _row(today, result),
        "shown": [place for place, objective in enumerate(objectives) if objective.name in shown],
        "columns": [
            *_settings(solutions, parameters),
            *_objectives(solutions, objectives),
            *_others(solutions, objectives),
        ],
        "marks": [
            {"label": mark.label, "name": mark.names[0].replace("_", " "), "row": _row(mark.solution, result)}
            | {"color": mark.appearance.color, "path": mark.appearance.path}
            for mark in marks(result)
        ],
        "convergence": {
            "evaluations": [each.evaluations for each in result.convergence],
            "front": [each.front for each in result.convergence],
            "hypervolume": [each.hypervolume for each in result.convergence],
        },
    }


def _row(solution: Solution, result: OptimizationResult) -> int:
    """The place among the front's rows, which today's settings follow where they are not on it."""
    return solution.index if solution.index >= 0 else len(result.front)


def _settings(solutions: Sequence[Solution], parameters: Sequence[Parameter]) -> Iterable[dict[str, Any]]:
    units = {parameter.name: parameter.unit for parameter in parameters}
    for name in dict.fromkeys(name for solution in solutions for name in solution.settings):
        yield _column("setting", name, [solution.settings.get(name) for solution in solutions], units.get(name, ""))


def _objectives(solutions: Sequence[Solution], objectives: Sequence[Objective]) -> Iterable[dict[str, Any]]:
    for objective in objectives:
        column = _column("objective", objective.name, _outcomes(solutions, objective.name), objective.unit)
        yield column | {"direction": objective.direction}


def _others(solutions: Sequence[Solution], objectives: Sequence[Objective]) -> Iterable[dict[str, Any]]:
    counted = {objective.name for objective in objectives}
    for name in solutions[0].outcomes:
        if name not in counted:
            yield _column("outcome", name, _outcomes(solutions, name))
    for label in dict.fromkeys(label for solution in solutions for label in solution.slacks):
        yield _column("slack", label, [solution.slacks.get(label) for solution in solutions])
    if any(solution.violation for solution in solutions):
        yield _column("slack", "violation, relative", [solution.violation for solution in solutions])


def _outcomes(solutions: Sequence[Solution], name: str) -> list[float]:
    return [solution.outcomes[name] for solution in solutions]


def _column(kind: str, name: str, values: Sequence[Setting | None], unit: str = "") -> dict[str, Any]:
    short = [float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value for value in values]
    return {"kind": kind, "name": name, "unit": unit, "values": short}
