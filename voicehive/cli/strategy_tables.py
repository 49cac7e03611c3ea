"""A simulated plan and a roadmap on a terminal of 80 columns."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from voicehive.cli.rendering import line, table
from voicehive.optimization.figures import counted, figure
from voicehive.planning.goals import StrategicGoal
from voicehive.planning.horizon import Horizon
from voicehive.planning.plan import StrategicPlan
from voicehive.planning.planner import PlanForecast, PlannedRoadmap
from voicehive.planning.report.labels import explained, input_labels, shortened, words
from voicehive.planning.report.roadmap_report import certainty, change_in
from voicehive.planning.roadmap.result import ScheduledInitiative, StrategicRoadmap
from voicehive.planning.simulation.result import Estimate, GoalForecast

_TOLD_INPUTS = 3
_NAME, _CHART = 24, 36
"""How wide an initiative's name may be, and the bars of all periods together."""


def forecast_shown(plan: StrategicPlan, forecast: PlanForecast) -> Iterator[RenderableType]:
    """The goals' figures, then what each depends on most and what must be true to miss it."""
    goals, labels = {goal.id: goal for goal in plan.goals}, input_labels(plan)
    counted_in = counted(len(forecast.starts), "initiative") if forecast.starts else "no initiative"
    yield line("✔", f"{plan.name}: {forecast.result.samples:,} futures, {counted_in} counted", "green")
    columns = ("achieved %", "median", "5 %", "95 %", "CVaR")
    made = table("goal", "wanted", *columns, numbers=columns)
    for one in forecast.result.goals:
        goal = goals[one.goal]
        low, median, high = (figure(one.quantiles[place].metric.value) for place in (0, 3, -1))
        sign = "≥" if goal.sign > 0 else "≤"
        made.add_row(
            Text(goal.id), Text(f"{sign} {figure(goal.target)}"), _percent(one.probability), median, low, high,
            figure(one.tail.conditional_value_at_risk.value),
        )  # fmt: skip
    yield made
    yield Text(f"  CVaR: how far short of the target on average in the worst {_worst(forecast)} of futures", "dim")
    for one in forecast.result.goals:
        yield Padding(_depends(goals[one.goal], one, labels), (1, 0, 0, 0))
    for notice in forecast.result.notices:
        yield line("!", notice, "yellow")


def _worst(forecast: PlanForecast) -> str:
    """The share of futures that count as the worst."""
    return f"{forecast.result.goals[0].tail.share:.0%}"


def _percent(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f} ± {100 * estimate.standard_error:.1f}"


def _depends(goal: StrategicGoal, one: GoalForecast, labels: dict[str, str]) -> Text:
    made = Text.assemble((goal.id, "bold"), f": {words(goal.metric)} by {goal.due:%d %b %Y} depends most on")
    for each in one.influences[:_TOLD_INPUTS]:
        if each.first_order.value > 0.005:
            name = shortened(labels.get(each.input, each.input), 44)
            moved = f"{figure(each.metric_low)} → {figure(each.metric_high)}"
            made.append(f"\n  {each.first_order.value:4.0%}  {name:<44}  {moved}")
    if one.stress is not None:
        made.append(f"\n{explained(one.stress, labels)}", "dim")
    return made


def roadmap_shown(plan: StrategicPlan, planned: PlannedRoadmap) -> Iterator[RenderableType]:
    """The bars, what the roadmap does to the goals, why it is so, and what each scenario changes."""
    roadmap = planned.roadmap
    mark, style = ("✔", "green") if roadmap.status == "optimal" else ("!", "yellow")
    yield line(mark, f"{plan.name}: {counted(len(roadmap.items), 'initiative')}; {certainty(roadmap)}", style)
    yield _bars(plan, roadmap)
    money = f"  costs in {plan.currency}" if plan.currency else ""
    yield Text(f"  █ decides the finish  ▒ may slip  · by so much  ● in all scenarios{money}", "dim")
    yield _goals(plan, planned)
    yield Text("  how likely each goal is and its metric's mean: nothing done, and with the roadmap", "dim")
    for reason in roadmap.reasons:
        if not reason.startswith(("in all scenarios", "if ")):
            yield _item(reason)
    if roadmap.scenarios:
        yield Text("\nif a scenario were sure, the best roadmap would:", "bold")
        names = {one.id: one.name for one in plan.scenarios}
        for one in roadmap.scenarios:
            sure = "" if one.proven else f", proven within {one.gap:.2%}"
            worth = f" (worth {figure(one.utility - one.recommended_utility)}{sure})"
            change = change_in(plan, one)
            told = f"change nothing{sure and f' ({sure[2:]})'}" if change == "nothing" else f"{change}{worth}"
            yield _item(f"{names.get(one.scenario, one.scenario)}: {told}")
    if roadmap.left_out:
        yield Text("\nnot done:", "bold")
        titles = {one.id: one.title for one in plan.initiatives}
        for one in roadmap.left_out:
            yield _item(f"{titles[one.initiative]}: {one.reason}")


def _item(text: str) -> RenderableType:
    made = Text(text)
    grid = table("", "")
    grid.box, grid.show_header = None, False
    grid.add_row("  -", made)
    return grid


def _bars(plan: StrategicPlan, roadmap: StrategicRoadmap) -> RenderableType:
    width = max(1, _CHART // plan.horizon.periods)
    many = plan.horizon.periods > _CHART
    chart = "from .. before" if many else _header(plan.horizon, width)
    made = table("", "initiative", chart, "cost", numbers=("cost",))
    for column in made.columns[:3]:
        column.no_wrap = True
    for one in roadmap.items:
        bar = f"{one.starts_on} .. {one.ends_before}" if many else _bar(one, width, plan.horizon.periods)
        made.add_row("●" if one.in_all_scenarios else " ", Text(shortened(one.name, _NAME)), bar, figure(one.cost))
    return made


def _header(horizon: Horizon, width: int) -> str:
    """Each period's first day, as far as there is room: a letter of its month, the day's number for weeks."""
    form = "%d" if horizon.period == "week" else "%b"
    return "".join(
        f"{horizon.date_of(one).strftime(form)[: max(1, width - 1)]:<{width}}" for one in range(horizon.periods)
    )


def _bar(one: ScheduledInitiative, width: int, periods: int) -> Text:
    length = one.finish - one.start
    made = Text(" " * width * one.start)
    made.append(("█" if one.critical else "▒") * width * length or "◆", "red" if one.critical else "cyan")
    return made.append("·" * width * min(one.total_float, periods - one.finish), "dim")


def _goals(plan: StrategicPlan, planned: PlannedRoadmap) -> RenderableType:
    columns = ("without %", "with %", "mean", "mean with")
    made = table("goal", "wanted", *columns, numbers=columns)
    for goal, before, after in zip(plan.goals, planned.without.result.goals, planned.within.result.goals, strict=True):
        sign = "≥" if goal.sign > 0 else "≤"
        made.add_row(
            Text(goal.id), Text(f"{sign} {figure(goal.target)}"), _percent(before.probability),
            _percent(after.probability), figure(before.mean.value), figure(after.mean.value),
        )  # fmt: skip
    return made
