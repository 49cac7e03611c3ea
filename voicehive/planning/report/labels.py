"""What reports call things: numbers, goals, and the inputs of a simulation."""

import re
from collections.abc import Mapping

from voicehive.optimization.figures import figure
from voicehive.planning.effects import driver_name
from voicehive.planning.goals import StrategicGoal
from voicehive.planning.plan import StrategicPlan
from voicehive.planning.simulation.result import Estimate, StressTest


def probability(estimate: Estimate) -> str:
    """A probability in percent, with its standard error."""
    return f"{100 * estimate.value:.1f} ± {100 * estimate.standard_error:.1f} %"


def with_unit(goal: StrategicGoal, value: float) -> str:
    """A value of a goal's metric."""
    return f"{figure(value)} {goal.unit}".strip()


def target(goal: StrategicGoal) -> str:
    """What a goal wants of its metric."""
    return f"{'at least' if goal.sign > 0 else 'at most'} {with_unit(goal, goal.target)}"


def input_labels(plan: StrategicPlan) -> dict[str, str]:
    """What people call each scenario, initiative and driver."""
    found = {one.id: one.name for one in plan.scenarios} | {one.id: f"{one.title}: success" for one in plan.initiatives}
    for scenario in plan.scenarios:
        for driver in scenario.drivers:
            unit = f" [{driver.unit}]" if driver.unit else ""
            found[driver.name] = f"{words(driver.name)}{unit}"
    for one in plan.initiatives:
        for effect in one.effects:
            found[driver_name(one, effect)] = f"{one.title}: change of {words(effect.metric)}"
    return found


def explained(stress: StressTest, labels: Mapping[str, str]) -> str:
    """What must be true to miss a goal, with people's names for the inputs."""
    names = sorted((one.input for one in stress.conditions), key=len, reverse=True)
    before, where, conditions = stress.explanation.partition(" where ")
    if not names:
        return stress.explanation
    inputs = re.compile("|".join(map(re.escape, names)))
    return before + where + inputs.sub(lambda found: f"“{labels.get(found[0], found[0])}”", conditions)


def words(identifier: str) -> str:
    """An identifier as people read it."""
    return identifier.replace("_", " ").replace(".", " ")


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
