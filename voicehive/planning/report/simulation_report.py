"""Tells a simulated plan: how likely each goal is, what it depends on, and what would make it fail."""

from voicehive.optimization.figures import figure
from voicehive.planning.goals import StrategicGoal
from voicehive.planning.plan import StrategicPlan
from voicehive.planning.planner import PlanForecast
from voicehive.planning.report.files import Report
from voicehive.planning.report.labels import explained, input_labels, probability, target, with_unit, words
from voicehive.planning.report.markdown import listed, plain, table
from voicehive.planning.report.pictures import fan_chart, most_moving, tornado
from voicehive.planning.simulation.result import GoalForecast


def simulation_report(plan: StrategicPlan, forecast: PlanForecast) -> Report:
    """Make the report, with a fan chart of each metric and a tornado for each goal."""
    labels, goals = input_labels(plan), {goal.id: goal for goal in plan.goals}
    parts = [f"# {plain(plan.name)}: what becomes of its goals\n"]
    parts += [f"{plain(plan.description)}\n"] if plan.description else []
    parts += [_basis(plan, forecast), goals_table(plan, forecast)]
    pictures = dict[str, bytes]()
    for number, one in enumerate(forecast.result.goals, 1):
        goal = goals[one.goal]
        pictures[f"fan-{number}.png"] = fan_picture(plan, forecast, goal)
        pictures[f"tornado-{number}.png"] = tornado(one, goal, labels)
        parts.append(_section(number, goal, one, labels))
    parts += ["## Notices\n", listed(forecast.result.notices)] if forecast.result.notices else []
    return Report(plan.name, "\n".join(parts), pictures, forecast)


def fan_picture(
    plan: StrategicPlan, forecast: PlanForecast, goal: StrategicGoal, without: PlanForecast | None = None
) -> bytes:
    """Draw the fan chart of a goal's metric."""
    fan = next(one for one in forecast.fans if one.metric == goal.metric)
    before = None if without is None else next(one for one in without.fans if one.metric == goal.metric)
    sharing = [one for one in plan.goals if one.metric == goal.metric]
    return fan_chart(fan, sharing, plan.horizon, before, title=goal.name)


def goals_table(plan: StrategicPlan, forecast: PlanForecast) -> str:
    """The goals with the figures that count most."""
    goals = {goal.id: goal for goal in plan.goals}
    tail = forecast.result.goals[0].tail.share
    rows = [_row(goals[one.goal], one) for one in forecast.result.goals]
    header = ["Goal", "Wanted", "By", "Achieved with", "Median", "5 % to 95 %", f"Short by, worst {tail:.0%}"]
    return table(header, rows)


def _row(goal: StrategicGoal, one: GoalForecast) -> list[str]:
    low, median, high = (figure(one.quantiles[place].metric.value) for place in (0, 3, -1))
    short = figure(one.tail.conditional_value_at_risk.value)
    return [goal.name, target(goal), str(goal.due), probability(one.probability), median, f"{low} to {high}", short]


def _basis(plan: StrategicPlan, forecast: PlanForecast) -> str:
    names = {one.id: one.title for one in plan.initiatives}
    done = ", ".join(names[name] for name in forecast.starts) or "none: this is what becomes of them if nothing is done"
    return (
        f"{forecast.result.samples:,} futures in {forecast.result.replicates} independent replicates, seed "
        f"{forecast.seed}; ± is one standard error of the simulation. Initiatives that are counted: {plain(done)}.\n"
    )


def _section(number: int, goal: StrategicGoal, one: GoalForecast, labels: dict[str, str]) -> str:
    told = [
        f"achieved with a probability of {probability(one.probability)}: {target(goal)} by {goal.due}",
        f"mean {with_unit(goal, one.mean.value)}, standard deviation {figure(one.sd.value)}",
        f"in the worst {one.tail.share:.0%} of futures short by {figure(one.tail.value_at_risk.value)} or more, by "
        f"{figure(one.tail.conditional_value_at_risk.value)} on average",
        f"to know everything before committing to it is worth {figure(one.commitment.value)} of its unit",
    ]
    told += [explained(one.stress, labels)] if one.stress else []
    rows = [
        [labels.get(each.input, each.input), figure(each.metric_low), figure(each.metric_high),
         f"{each.probability_low:.0%} to {each.probability_high:.0%}", f"{max(0.0, each.first_order.value):.0%}",
         "" if each.total is None else f"{each.total.value:.0%}", figure(each.information.value)]
        for each in most_moving(one)
    ]  # fmt: skip
    header = ["Input", "Mean, low", "Mean, high", "Achieved with", "First order", "Total", "Worth knowing"]
    return (
        f"## {plain(goal.name)}\n\n![{words(goal.metric)} over time](fan-{number}.png)\n\n{listed(told)}\n"
        f"![What moves {words(goal.metric)}](tornado-{number}.png)\n\n{table(header, rows)}"
    )
