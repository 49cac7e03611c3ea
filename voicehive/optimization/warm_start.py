"""The settings of an earlier front that a new problem can begin from."""

import math

from voicehive.optimization.parameter import Settings
from voicehive.optimization.problem import Problem
from voicehive.optimization.result import OptimizationResult


def settings_to_begin_from(problem: Problem, earlier: OptimizationResult) -> tuple[Settings, ...]:
    """The earlier front's settings that the problem still allows, at most half a population of them.

    What is fixed is taken as the problem has it now: it may have moved like other data.
    The recommendation and its alternatives come first; the rest is taken evenly from the whole front, in its order. The
    other half of the population stays the search's own, so that it can leave what is no longer good.
    """
    shown = dict.fromkeys((earlier.recommended, *earlier.alternatives.values()))
    fixed = {parameter.name: parameter.current for parameter in problem.parameters if parameter.kind == "fixed"}
    first = [earlier.front[index].settings | fixed for index in shown]
    rest = [solution.settings | fixed for solution in earlier.front if solution.index not in shown]
    first, rest = ([settings for settings in part if _allows(problem, settings)] for part in (first, rest))
    room = max(problem.budget.population // 2 - len(first), 1)
    return (*first, *rest[:: max(math.ceil(len(rest) / room), 1)])


def _allows(problem: Problem, settings: Settings) -> bool:
    parameters = {parameter.name: parameter for parameter in problem.parameters}
    return settings.keys() == parameters.keys() and not any(
        parameters[name].fault_of(value) for name, value in settings.items()
    )
