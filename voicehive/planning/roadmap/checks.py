"""Finds what makes a roadmap's input wrong before anything is searched, naming the item and the remedy."""

from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from voicehive.planning.errors import CycleFound, DuplicateName, UnknownName
from voicehive.planning.initiatives import Initiative
from voicehive.planning.roadmap.errors import InfeasibleRoadmap, RoadmapInvalid
from voicehive.planning.roadmap.problem import RoadmapProblem

_DIRECTIONS = {"value": "maximize", "risk": "minimize", "cost": "minimize", "finish": "minimize"}


def check(problem: RoadmapProblem) -> None:
    """See that a roadmap can be asked for.

    Raises:
        DuplicateName, UnknownName, CycleFound, RoadmapInvalid: the input is wrong as it stands.
        InfeasibleRoadmap: what is required cannot be done, seen without a search.
    """
    _check_names(problem)
    _check_amounts(problem)
    _check_objectives(problem)
    _check_cycles(problem)
    _check_groups(problem)
    _check_required(problem)


def item(problem: RoadmapProblem, initiative: Initiative) -> str:
    """What messages call an initiative."""
    return f"initiatives[{problem.initiatives.index(initiative)}] ({initiative.id})"


def needed(problem: RoadmapProblem) -> frozenset[str]:
    """The initiatives that every roadmap holds: required, a prerequisite of such a one, or together with one."""
    found = {one.id for one in problem.counting if one.required}
    while True:
        more = {before.initiative for one in problem.counting if one.id in found for before in one.prerequisites}
        more |= {name for group in problem.together if found.intersection(group) for name in group}
        if more <= found:
            return frozenset(found)
        found |= more


def _check_names(problem: RoadmapProblem) -> None:
    for name, count in Counter(one.id for one in problem.initiatives).items():
        if count > 1:
            raise DuplicateName(f"initiatives ({name})", f"{count} of them have this id", "give each its own")
    known = {one.id for one in problem.initiatives}
    for initiative in problem.initiatives:
        for before in initiative.prerequisites:
            _known(known, before.initiative, f"{item(problem, initiative)}: prerequisites")
        for skill, people in initiative.people.items():
            if people > 0 and skill not in problem.capacities:
                raise UnknownName(
                    f"{item(problem, initiative)}: people", f"{skill!r} has no capacity", f"add capacities.{skill}"
                )
    for kind, groups in (("together", problem.together), ("apart", problem.apart)):
        for number, group in enumerate(groups):
            for name in group:
                _known(known, name, f"{kind}[{number}]")


def _known(known: set[str], name: str, place: str) -> None:
    if name not in known:
        raise UnknownName(place, f"{name!r} is no initiative", "correct the id, or add the initiative")


def _check_amounts(problem: RoadmapProblem) -> None:
    rows = [("budgets", problem.budgets), *((f"capacities.{name}", row) for name, row in problem.capacities.items())]
    for name, row in rows:
        if len(row) not in (1, problem.horizon.periods) and (row or name != "budgets"):
            periods = problem.horizon.periods
            raise RoadmapInvalid(name, f"has {len(row)} numbers", f"give one for all, or {periods}, one a period")
        for period, amount in enumerate(row):
            if amount < 0:
                raise RoadmapInvalid(f"{name}[{period}]", f"is {amount:g}, below 0", "make it 0 or more")


def _check_objectives(problem: RoadmapProblem) -> None:
    seen: set[str] = set()
    for number, objective in enumerate(problem.objectives):
        place = f"objectives[{number}] ({objective.name})"
        if objective.name not in _DIRECTIONS:
            raise RoadmapInvalid(place, "is no objective of a roadmap", f"choose from {', '.join(_DIRECTIONS)}")
        if objective.name in seen:
            raise RoadmapInvalid(place, "is given twice", "keep one")
        seen.add(objective.name)
        wanted = _DIRECTIONS[objective.name]
        if objective.direction != wanted:
            raise RoadmapInvalid(f"{place}: direction", f"is {objective.direction}", f"make it {wanted}")
        wrong = objective.at_most if wanted == "maximize" else objective.at_least
        if wrong is not None or objective.target is not None:
            keep = "at_least" if wanted == "maximize" else "at_most"
            raise RoadmapInvalid(place, "has a target or a bound on its better side", f"keep only {keep}")


def _check_cycles(problem: RoadmapProblem) -> None:
    graph = {one.id: [before.initiative for before in one.prerequisites] for one in problem.initiatives}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        path: list[str] = error.args[1]
        first = next(one for one in problem.initiatives if one.id == path[0])
        raise CycleFound(
            f"{item(problem, first)}: prerequisites",
            f"cycle {' -> '.join(path)}",
            "remove one of these prerequisites",
        ) from None


def _check_groups(problem: RoadmapProblem) -> None:
    for number, group in enumerate(problem.apart):
        for other, both in enumerate(problem.together):
            shared = sorted(set(group).intersection(both))
            if len(shared) > 1:
                raise RoadmapInvalid(
                    f"apart[{number}]",
                    f"{shared[0]} and {shared[1]} must not be together, but together[{other}] says they must",
                    f"take one of them out of apart[{number}] or of together[{other}]",
                )
        forced = sorted(needed(problem).intersection(group))
        if len(forced) > 1:
            raise InfeasibleRoadmap(
                f"apart[{number}]",
                f"{forced[0]} and {forced[1]} must not be together, but both are required, or needed by what is",
                "make one of them not required, or take it out of the group",
            )


def _check_required(problem: RoadmapProblem) -> None:
    counting = set(problem.places)
    for name in sorted(needed(problem)):
        initiative = next(one for one in problem.initiatives if one.id == name)
        if name not in counting:
            raise InfeasibleRoadmap(
                item(problem, initiative), "is needed, but no person has accepted it", "accept it, or do without"
            )
        for fault in _faults(problem, initiative):
            raise InfeasibleRoadmap(item(problem, initiative), *fault)
    _check_chains(problem)


def _check_chains(problem: RoadmapProblem) -> None:
    """See that what is needed can follow its prerequisites within its dates, if people and money were no matter."""
    graph = {one.id: [before.initiative for before in one.prerequisites] for one in problem.counting}
    wanted, ends = needed(problem), dict[str, int]()
    for name in TopologicalSorter(graph).static_order():
        if name not in wanted:
            continue
        one = problem.counting[problem.places[name]]
        first, last = problem.window(one)
        after = [(ends[before.initiative] + before.lag, before.initiative) for before in one.prerequisites]
        start, reason = max([(first, ""), *after])
        if start > last:
            end = start + problem.planned[name] - 1
            raise InfeasibleRoadmap(
                f"{item(problem, one)}: latest",
                f"cannot start before period {start}, after {reason}, but must start by period {last}",
                f"make latest, and the horizon's last period, at least {end}, or shorten what it waits for",
            )
        ends[name] = start + problem.planned[name]


def _faults(problem: RoadmapProblem, initiative: Initiative) -> Iterator[tuple[str, str]]:
    first, last = problem.window(initiative)
    lasts = problem.planned[initiative.id]
    if last < first:
        yield (
            f"is needed and lasts {lasts} periods, but must run within periods {first} to {last + lasts - 1}",
            f"make latest, and the horizon's last period, at least {first + lasts - 1}",
        )
    for skill, people in initiative.people.items():
        most = max(problem.capacities[skill], default=0.0)
        if people > most and lasts > 0:
            yield (
                f"is needed and takes {people:g} people of {skill}, but there are never more than {most:g}",
                f"raise capacities.{skill} to {people:g} while it runs, or need fewer",
            )
