# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""A front as a PNG picture, by the same rules as the page of `front_page`."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D
from matplotlib.text import Text

from voicehive.optimization.arrays import Floats
from voicehive.optimization.figures import figure
from voicehive.optimization.models import Objective
from voicehive.optimization.pictures.front_view import NOTHING_FEASIBLE, RECOMMENDED, Mark, marks, moved_most, summary
from voicehive.optimization.result import OptimizationResult

MOST_AXES = 12
_WIDTH, _DOTS = 12.0, 100
_FRONT_HEIGHT, _CONVERGENCE_HEIGHT, _HEAD = 6.0, 2.2, 1.2
_POINT, _LINES = "#7a8da3", ("-", (0, (6, 2)), (0, (1, 2)), (0, (6, 2, 1, 2)), (0, (3, 3)), (0, (9, 2)))
_LONGEST = 44


def front_image(result: OptimizationResult, objectives: Sequence[Objective], *, title: str) -> bytes:
    """Draw a result; returns the PNG, 1,200 pixels wide.

    Convergence alone for one objective; a scatter plot for two and of each pair for three and four; parallel
    coordinates beyond, the better side of all axes above, of the at most `MOST_AXES` objectives that move most.
    """
    marked = marks(result)
    shown = moved_most(result, objectives, MOST_AXES)
    front = (0.0, _FRONT_HEIGHT, _FRONT_HEIGHT, 1.3 * _FRONT_HEIGHT, _FRONT_HEIGHT)[min(len(objectives), 5) - 1]
    convergence = _CONVERGENCE_HEIGHT if result.convergence or not front else 0.0
    heights = [height for height in (front, convergence) if height]
    drawn = Figure(figsize=(_WIDTH, sum(heights) + _HEAD), dpi=_DOTS, layout="constrained")
    grid = GridSpec(len(heights), 1, figure=drawn, height_ratios=heights)
    if len(objectives) > 4:
        _parallel(drawn.add_subplot(grid[0]), result, shown, marked)
    elif len(objectives) > 1:
        _scatter(drawn, grid[0].subgridspec(len(shown) - 1, len(shown) - 1), result, shown, marked)
    if convergence:
        _convergence(drawn.add_subplot(grid[-1]), result)
    _head(drawn, result, title, marked if front else (), len(objectives) - len(shown))
    for text in drawn.findobj(Text):
        text.set_parse_math(False)  # a name may hold dollar signs
    return _png(drawn)


def _png(drawn: Figure) -> bytes:
    target = BytesIO()
    FigureCanvasAgg(drawn).print_png(target, metadata={"Software": None})  # so that equal results give equal files
    return target.getvalue()


def _head(drawn: Figure, result: OptimizationResult, title: str, marked: Sequence[Mark], left_out: int) -> None:
    lines = [_short(title, 110), summary(result)]
    lines += [] if result.feasible else [NOTHING_FEASIBLE]
    lines += [f"of the objectives, {left_out} that move less are not shown"] if left_out else []
    drawn.suptitle("\n".join(lines), fontsize=10, x=0.01, ha="left")
    handles = [
        Line2D(
            [], [], color=mark.appearance.color, marker=mark.appearance.marker, ls="", ms=9, label=_short(mark.label)
        )
        for mark in marked
    ]
    if handles:
        drawn.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 4), frameon=False)


def _scatter(drawn: Figure, grid: Any, result: OptimizationResult, shown: Sequence[Objective], marked: Any) -> None:
    """One panel for each pair, as the lower triangle of a matrix."""
    values = _values(result, shown)
    for row in range(1, len(shown)):
        for column in range(row):
            axes = drawn.add_subplot(grid[row - 1, column])
            axes.scatter(values[:, column], values[:, row], s=14, c=_POINT, alpha=0.6, linewidths=0, rasterized=True)
            for mark in reversed(marked):
                x, y = (mark.solution.outcomes[shown[place].name] for place in (column, row))
                axes.plot([x], [y], **_symbol(mark))
            axes.grid(color="#d5dbe3", linewidth=0.6)
            if row == len(shown) - 1:
                axes.set_xlabel(_name(shown[column]))
            if column == 0:
                axes.set_ylabel(_name(shown[row]))


def _parallel(axes: Axes, result: OptimizationResult, shown: Sequence[Objective], marked: Sequence[Mark]) -> None:
    """Parallel coordinates (Inselberg 1985, "The plane with parallel coordinates"), each axis scaled to its extent."""
    front = _values(result, shown)
    special = np.array([[mark.solution.outcomes[objective.name] for objective in shown] for mark in marked])
    every = np.concatenate([front, special])
    low, high = every.min(axis=0), every.max(axis=0)
    minimized = np.array([objective.direction == "minimize" for objective in shown])
    worst, best = np.where(minimized, high, low), np.where(minimized, low, high)

    def scaled(values: Floats) -> Floats:
        extent = np.where(best == worst, 1.0, best - worst)
        return np.where(best == worst, 0.5, (values - worst) / extent)

    places = np.arange(len(shown))
    lines = [np.column_stack([places, row]) for row in scaled(front)]
    opacity = min(0.5, 0.07 + 30 / len(front))
    axes.add_collection(LineCollection(lines, colors=_POINT, linewidths=0.8, alpha=opacity))
    for place, mark in reversed(list(enumerate(marked))):
        width = 3 if RECOMMENDED in mark.names else 2
        axes.plot(places, scaled(special[place]), ls=_LINES[place % len(_LINES)], lw=width, **_symbol(mark))
    _label_axes(axes, shown, worst, best)


def _label_axes(axes: Axes, shown: Sequence[Objective], worst: Floats, best: Floats) -> None:
    axes.set(xlim=(-0.3, len(shown) - 0.7), ylim=(-0.08, 1.08), yticks=[0, 1], yticklabels=["worst", "best"])
    names = [_name(objective) for objective in shown]
    slant, side = (30, "right") if len(shown) > 6 else (0, "center")
    axes.set_xticks(range(len(shown)), names, rotation=slant, ha=side)
    for place in range(len(shown)):
        axes.vlines(place, 0, 1, color="#5a6675", linewidth=0.8, zorder=1)
        for value, height, above in ((best[place], 1.02, True), (worst[place], -0.02, False)):
            end = "bottom" if above else "top"
            axes.text(place, height, figure(float(value)), ha="center", va=end, fontsize=8, color="#5a6675")
    axes.spines[:].set_visible(False)


def _convergence(axes: Axes, result: OptimizationResult) -> None:
    evaluations = [each.evaluations for each in result.convergence]
    if not evaluations:
        axes.set_axis_off()
        said = "\n".join(f"{name}: {figure(value)}" for name, value in result.recommendation.outcomes.items())
        axes.text(0.5, 0.5, f"nothing was searched; recommended:\n{said}", ha="center", va="center")
        return
    axes.plot(
        evaluations, [each.hypervolume for each in result.convergence], color="#d55e00", lw=2, label="hypervolume"
    )
    axes.set(xlabel="evaluations", ylabel="hypervolume", xlim=(0, None))
    axes.grid(color="#d5dbe3", linewidth=0.6)
    size = axes.twinx()
    size.plot(evaluations, [each.front for each in result.convergence], color="#2a8fd0", lw=1.5, ls="--")
    size.set(ylim=(0, None))
    size.set_ylabel("size of the front (dashed)", color="#2a8fd0")


def _symbol(mark: Mark) -> dict[str, Any]:
    size = 17 if RECOMMENDED in mark.names else 10
    return {"color": mark.appearance.color, "marker": mark.appearance.marker, "ms": size, "mec": "white", "zorder": 5}


def _values(result: OptimizationResult, shown: Sequence[Objective]) -> Floats:
    return np.array([[solution.outcomes[objective.name] for objective in shown] for solution in result.front])


def _name(objective: Objective) -> str:
    unit = f" [{objective.unit}]" if objective.unit else ""
    return _short(f"{objective.name}{unit} {'↓' if objective.direction == 'minimize' else '↑'}")


def _short(text: str, most: int = _LONGEST) -> str:
    """Names of many objectives differ at their ends, so it is the middle that is left out."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-(most // 2 - 1) :]}"
