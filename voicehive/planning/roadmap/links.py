"""What waits for what in a chosen schedule: prerequisites, and people who come free.

The people are handed from initiative to initiative, so that whatever lasts longer delays those who wait for its people
(a resource flow network: Artigues, Michelon & Reusser 2003, "Insertion techniques for static and dynamic
resource-constrained project scheduling").
"""

from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from typing import NamedTuple

from voicehive.planning.roadmap.problem import RoadmapProblem

_SLACK = 1e-9


class Link(NamedTuple):
    """`after` starts at the earliest `lag` periods after the end of `before`."""

    before: str
    after: str
    lag: int = 0


def links_of(problem: RoadmapProblem, starts: Mapping[str, int]) -> tuple[Link, ...]:
    """Find the links of a schedule that keeps all limits.

    Where a capacity varies, as many people as there are at most count as there from the beginning.
    """
    found = {
        Link(before.initiative, name, before.lag): None
        for name in starts
        for before in problem.counting[problem.places[name]].prerequisites
    }
    known = {(link.before, link.after) for link in found}
    for skill in problem.capacities:
        for pair in _handed_over(problem, starts, skill, known):
            if pair not in known:
                known.add(pair)
                found[Link(*pair)] = None
    return tuple(found)


def _handed_over(
    problem: RoadmapProblem, starts: Mapping[str, int], skill: str, known: set[tuple[str, str]]
) -> list[tuple[str, str]]:
    users = [name for name in starts if _people(problem, name, skill) > 0.0 and problem.planned[name] > 0]
    idle = max(problem.capacities[skill])
    holders: dict[str, float] = {}
    pairs: list[tuple[str, str]] = []
    for name in sorted(users, key=lambda one: starts[one]):
        wanted = _people(problem, name, skill)
        free = [one for one in holders if starts[one] + problem.planned[one] <= starts[name]]
        free.sort(key=lambda one: ((one, name) not in known, -starts[one] - problem.planned[one]))
        taken, idle = min(idle, wanted), max(0.0, idle - wanted)
        wanted -= taken
        for one in free:
            if wanted <= _SLACK:
                break
            part = min(wanted, holders[one])
            holders[one] -= part
            wanted -= part
            if part > _SLACK:
                pairs.append((one, name))
        holders[name] = _people(problem, name, skill)
    return pairs


def _people(problem: RoadmapProblem, name: str, skill: str) -> float:
    return problem.counting[problem.places[name]].people.get(skill, 0.0)


def in_order(starts: Mapping[str, int], links: Sequence[Link]) -> list[str]:
    """Sort initiatives so that each comes after all it waits for."""
    waits: dict[str, list[str]] = {name: [] for name in starts}
    for link in links:
        waits[link.after].append(link.before)
    return list(TopologicalSorter(waits).static_order())
