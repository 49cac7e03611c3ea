# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""A plan's pictures as PNG: fan charts, tornadoes, the Gantt chart and the front. Colour only repeats what stands."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from voicehive.optimization.figures import figure
from voicehive.planning.goals import StrategicGoal
from voicehive.planning.horizon import Horizon
from voicehive.planning.initiatives import Initiative
from voicehive.planning.report.labels import shortened, target, with_unit, words
from voicehive.planning.roadmap.result import StrategicRoadmap
from voicehive.planning.simulation.result import Fan, GoalForecast, Influence

_WIDTH, _DOTS = 9.0, 110
_BANDS = ((0, 6, "#dbe6f3"), (1, 5, "#b4cce6"), (2, 4, "#84add6"))
_MEDIAN, _WITHOUT, _TARGET = "#1f4e84", "#7a7a7a", "#b3361b"
_LOW, _HIGH, _CRITICAL, _FREE, _GRID = "#4f86c0", "#d98e3f", "#b3361b", "#4f86c0", "#d5dbe3"
MOST_BARS = 10


def fan_chart(
    fan: Fan, goals: Sequence[StrategicGoal], horizon: Horizon, without: Fan | None = None, *, title: str
) -> bytes:
    """Draw a metric over the periods: the median in bands of 50, 80 and 90 %, targets, and due dates.

    `without` is the same metric with nothing done: its median is drawn dashed.
    """
    drawn = Figure(figsize=(_WIDTH, 3.6), dpi=_DOTS, layout="constrained")
    axes = drawn.add_subplot()
    places = list(range(len(fan.mean)))
    for low, high, colour in _BANDS:
        axes.fill_between(places, fan.quantiles[low], fan.quantiles[high], color=colour, lw=0)
    axes.plot(places, fan.quantiles[3], color=_MEDIAN, lw=2, marker="o", ms=3.5)
    if without is not None:
        axes.plot(places, without.quantiles[3], color=_WITHOUT, lw=1.5, ls=(0, (4, 2)))
    for goal in goals:
        due = horizon.period_of(goal.due)
        axes.axhline(goal.target, color=_TARGET, lw=1.2)
        axes.axvline(due, color=_TARGET, lw=1, ls=":")
        axes.plot([due], [goal.target], color=_TARGET, marker="D", ms=7, ls="", zorder=5)
    axes.set_ylabel(shortened(f"{words(fan.metric)} [{goals[0].unit}]" if goals[0].unit else words(fan.metric), 40))
    _periods(axes, horizon)
    axes.grid(axis="y", color=_GRID, lw=0.6)
    axes.set_title(shortened(title, 95), loc="left", fontsize=11)
    drawn.legend(handles=_fan_legend(goals, without), loc="outside lower center", ncols=3, frameon=False, fontsize=8.5)
    return _png(drawn)


def _fan_legend(goals: Sequence[StrategicGoal], without: Fan | None) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [Line2D([], [], color=_MEDIAN, lw=2, marker="o", ms=3.5, label="median")]
    handles += [
        Patch(color=colour, label=f"{share} % of futures")
        for share, (*_, colour) in zip((50, 80, 90), reversed(_BANDS), strict=True)
    ]
    if without is not None:
        handles.append(Line2D([], [], color=_WITHOUT, lw=1.5, ls=(0, (4, 2)), label="median with nothing done"))
    return handles + [
        Line2D([], [], color=_TARGET, lw=1.2, marker="D", ms=6, label=f"{target(goal)} by {goal.due}") for goal in goals
    ]


def tornado(forecast: GoalForecast, goal: StrategicGoal, labels: Mapping[str, str]) -> bytes:
    """Draw how far the metric's mean moves with each input: a driver from p10 to p90, a scenario from not to done."""
    shown = most_moving(forecast)
    drawn = Figure(figsize=(_WIDTH, 1.3 + 0.36 * max(1, len(shown))), dpi=_DOTS, layout="constrained")
    axes = drawn.add_subplot()
    middle = forecast.mean.value
    for place, one in enumerate(shown):
        for end, colour in ((one.metric_low, _LOW), (one.metric_high, _HIGH)):
            axes.barh(place, end - middle, left=middle, color=colour, height=0.62)
            side = "left" if end >= middle else "right"
            offset = 3 if end >= middle else -3
            axes.annotate(
                figure(end), (end, place), (offset, 0), textcoords="offset points", va="center", ha=side, fontsize=8
            )
    axes.set_yticks(range(len(shown)), [shortened(labels.get(one.input, one.input), 52) for one in shown], fontsize=9)
    axes.invert_yaxis()
    axes.axvline(middle, color="#333333", lw=1)
    axes.margins(x=0.14)
    axes.set_xlabel(f"mean of {words(goal.metric)}" + (f" [{goal.unit}]" if goal.unit else ""))
    axes.set_title(f"What moves it: mean {with_unit(goal, middle)}, {target(goal)} wanted", loc="left", fontsize=11)
    handles = [
        Patch(color=_LOW, label="driver at its p10, scenario does not happen"),
        Patch(color=_HIGH, label="driver at its p90, scenario happens"),
    ]
    drawn.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize=8.5)
    return _png(drawn)


def most_moving(forecast: GoalForecast) -> list[Influence]:
    """The inputs that move a goal's metric most, the widest first; none that does not move it."""
    ordered = sorted(forecast.influences, key=lambda one: -abs(one.metric_high - one.metric_low))
    widest = abs(ordered[0].metric_high - ordered[0].metric_low) if ordered else 0.0
    return [one for one in ordered[:MOST_BARS] if abs(one.metric_high - one.metric_low) > 0.02 * widest]


def gantt(roadmap: StrategicRoadmap, initiatives: Sequence[Initiative], horizon: Horizon) -> bytes:
    """Draw when each initiative runs, its prerequisites, and by how much it may slip."""
    items = roadmap.items
    drawn = Figure(figsize=(_WIDTH, 1.3 + 0.32 * max(1, len(items))), dpi=_DOTS, layout="constrained")
    axes = drawn.add_subplot()
    rows = {one.initiative: place for place, one in enumerate(items)}
    for place, one in enumerate(items):
        colour, hatch = (_CRITICAL, "") if one.critical else (_FREE, "//")
        axes.barh(
            place, max(one.finish - one.start, 0.08), left=one.start, color=colour, hatch=hatch, ec="white", height=0.6
        )
        axes.hlines(place, one.finish, one.finish + one.total_float, color=_FREE, lw=1.4, ls=":")
    for before, after in _prerequisites(initiatives, rows):
        axes.annotate(
            "", (items[after].start, after), (items[before].finish, before),
            arrowprops={"arrowstyle": "->", "color": "#222222", "lw": 1.1, "connectionstyle": "arc3,rad=-0.08"},
        )  # fmt: skip
    names = [f"{shortened(one.name, 36)}{' ●' if one.in_all_scenarios else '  '}" for one in items]
    axes.set_yticks(range(len(items)), names, fontsize=9)
    axes.invert_yaxis()
    axes.set_xticks(range(horizon.periods + 1), [_date(horizon, one) for one in range(horizon.periods + 1)], fontsize=8)
    axes.set_xlim(0, horizon.periods)
    axes.grid(axis="x", color=_GRID, lw=0.6)
    axes.set_axisbelow(True)
    handles = [
        Patch(color=_CRITICAL, label="decides the finish"),
        Patch(fc=_FREE, hatch="//", ec="white", label="may slip (dotted)"),
        Line2D([], [], color="#222222", marker=">", ms=5, lw=1.1, label="needs the one before"),
        Line2D([], [], marker="o", ls="", color="black", ms=5, label="in all scenarios"),
    ]
    axes.set_title(f"Finished by {horizon.date_of(roadmap.finish.planned)} as planned", loc="left", fontsize=11)
    drawn.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=8.5)
    return _png(drawn)


def _prerequisites(initiatives: Sequence[Initiative], rows: Mapping[str, int]) -> list[tuple[int, int]]:
    """The rows of what comes before and after."""
    return [
        (rows[one.initiative], rows[after.id])
        for after in initiatives
        for one in after.prerequisites
        if one.initiative in rows and after.id in rows
    ]


def front(roadmap: StrategicRoadmap, currency: str) -> bytes:
    """Draw the front's roadmaps, by cost against value and risk, numbered as the report lists them."""
    names = [one.name for one in roadmap.objectives]
    pairs = [(x, y) for x, y in (("cost", "value"), ("cost", "risk"), ("cost", "finish")) if {x, y} <= set(names)]
    pairs = pairs[:2] or list(pairwise(names))[:1]
    drawn = Figure(figsize=(_WIDTH, 3.6), dpi=_DOTS, layout="constrained")
    for column, (x, y) in enumerate(pairs):
        axes = drawn.add_subplot(1, len(pairs), column + 1)
        for place, one in enumerate(roadmap.front):
            best = place == roadmap.recommended
            at = (one.outcomes[x], one.outcomes[y])
            axes.plot(*at, marker="*" if best else "o", ms=15 if best else 8, color=_TARGET if best else _FREE)
            axes.annotate(str(place + 1), at, (9, 6), textcoords="offset points", fontsize=9, zorder=9)
        axes.set_xlabel(f"{x} [{currency}]" if currency else x)
        axes.set_ylabel(f"{y} [{'periods' if y == 'finish' else currency}]" if currency or y == "finish" else y)
        axes.margins(0.12)
        axes.grid(color=_GRID, lw=0.6)
    drawn.suptitle(
        "The front: no roadmap is better in all respects; the star is recommended", fontsize=11, x=0.01, ha="left"
    )
    return _png(drawn)


def _periods(axes: Axes, horizon: Horizon) -> None:
    step = max(1, horizon.periods // 13)
    shown = range(0, horizon.periods, step)
    axes.set_xticks(shown, [_date(horizon, one) for one in shown], fontsize=8)
    axes.set_xlim(-0.3, horizon.periods - 0.7)


def _date(horizon: Horizon, period: int) -> str:
    day = horizon.date_of(period)
    form = "%d %b" if horizon.period == "week" or day.day != 1 else "%b"
    return day.strftime(f"{form}\n%Y" if period == 0 or day.month == 1 else form)


def _png(drawn: Figure) -> bytes:
    for text in drawn.findobj(Text):
        text.set_parse_math(False)  # a name may hold dollar signs
    into = BytesIO()
    FigureCanvasAgg(drawn).print_png(into, metadata={"Software": None})
    return into.getvalue()
