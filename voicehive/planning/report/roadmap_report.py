"""Tells a roadmap: what is done when and why, what it does to the goals, what else there was, what scenarios change."""

from voicehive.optimization.figures import figure
from voicehive.planning.plan import StrategicPlan
from voicehive.planning.planner import PlannedRoadmap
from voicehive.planning.report.files import Report
from voicehive.planning.report.labels import probability, target
from voicehive.planning.report.markdown import listed, plain, table
from voicehive.planning.report.pictures import front, gantt
from voicehive.planning.report.simulation_report import fan_picture
from voicehive.planning.roadmap.result import ScenarioRoadmap, StrategicRoadmap


def roadmap_report(plan: StrategicPlan, planned: PlannedRoadmap) -> Report:
    """Make the report, with a Gantt chart, the front, and a fan chart of each goal's metric."""
    roadmap = planned.roadmap
    money = plan.currency or "the money of the plan"
    parts = [
        f"# {plain(plan.name)}: roadmap\n",
        f"{plain(plan.description)}\n" if plan.description else "",
        f"{certainty(roadmap).capitalize()}. Values and costs are in {plain(money)}.\n",
        "![When each initiative runs](gantt.png)\n",
        _items(roadmap),
        f"## Why\n\n{listed(roadmap.reasons)}",
        f"## What it does to the goals\n\n{_goals(plan, planned)}",
    ]
    pictures = {"gantt.png": gantt(roadmap, plan.initiatives, plan.horizon)}
    for number, goal in enumerate(plan.goals, 1):
        pictures[f"fan-{number}.png"] = fan_picture(plan, planned.within, goal, planned.without)
        parts.append(f"![{plain(goal.name)}](fan-{number}.png)\n")
    if len(roadmap.front) > 1:
        pictures["front.png"] = front(roadmap, plan.currency)
        parts.append(f"## What else there was\n\n![The front](front.png)\n\n{_front(roadmap)}")
    parts += [f"## If a scenario were sure\n\n{_scenarios(plan, roadmap)}"] if roadmap.scenarios else []
    if roadmap.left_out:
        names = {one.id: one.title for one in plan.initiatives}
        rows = ([names[one.initiative], one.reason] for one in roadmap.left_out)
        parts.append(f"## Not done\n\n{table(['Initiative', 'Why not'], rows)}")
    return Report(f"{plan.name}: roadmap", "\n".join(part for part in parts if part), pictures, planned)


def certainty(roadmap: StrategicRoadmap) -> str:
    """Whether it is proven to be the best, or how much better another could be."""
    if roadmap.status == "optimal":
        return "proven: no roadmap is better by the weights given"
    return f"not proven to be the best: another could be better by at most {roadmap.gap:.2%}"


def change_in(plan: StrategicPlan, scenario: ScenarioRoadmap) -> str:
    """What the best roadmap in a scenario does otherwise."""
    names = {one.id: one.title for one in plan.initiatives}
    changes = [
        f"{verb} {', '.join(names[one] for one in ids)}"
        for verb, ids in (("add", scenario.added), ("drop", scenario.dropped), ("move", scenario.moved))
        if ids
    ]
    return "; ".join(changes) or "nothing"


def _items(roadmap: StrategicRoadmap) -> str:
    rows = (
        [one.name, str(one.starts_on), str(one.ends_before), figure(one.cost), figure(one.mean_value),
         figure(one.contribution), "decides the finish" if one.critical else f"{one.total_float}",
         {True: "yes", False: "no", None: ""}[one.in_all_scenarios]]
        for one in roadmap.items
    )  # fmt: skip
    return table(
        ["Initiative", "From", "Before", "Cost", "Mean value", "Sum lost without", "May slip", "In all scenarios"], rows
    )


def _goals(plan: StrategicPlan, planned: PlannedRoadmap) -> str:
    forecasts = zip(plan.goals, planned.without.result.goals, planned.within.result.goals, strict=True)
    rows = (
        [goal.name, target(goal), str(goal.due), probability(before.probability), probability(after.probability),
         figure(before.mean.value), figure(after.mean.value)]
        for goal, before, after in forecasts
    )  # fmt: skip
    return table(
        ["Goal", "Wanted", "By", "Achieved: nothing done", "with the roadmap", "Mean: nothing done", "with"], rows
    )


def _front(roadmap: StrategicRoadmap) -> str:
    names = [one.name for one in roadmap.objectives]
    rows = (
        [f"{place + 1}{' (recommended)' if place == roadmap.recommended else ''}",
         *(figure(one.outcomes[name]) for name in names),
         str(sum(int(start) >= 0 for start in one.settings.values()))]
        for place, one in enumerate(roadmap.front)
    )  # fmt: skip
    return table(["Roadmap", *(name.capitalize() for name in names), "Initiatives"], rows)


def _scenarios(plan: StrategicPlan, roadmap: StrategicRoadmap) -> str:
    names = {one.id: one.name for one in plan.scenarios}
    rows = (
        [names.get(one.scenario, one.scenario), str(one.samples), change_in(plan, one),
         figure(one.utility - one.recommended_utility), "yes" if one.proven else f"within {one.gap:.2%}"]
        for one in roadmap.scenarios
    )  # fmt: skip
    return table(["If this were sure", "Futures", "The best roadmap would", "Worth", "Proven"], rows)
