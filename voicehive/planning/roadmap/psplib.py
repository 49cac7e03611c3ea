"""Reads single-mode instances of PSPLIB as initiatives with resources.

Format: Kolisch & Sprecher (1997), "PSPLIB: a project scheduling problem library", of renewable resources only. The two
dummy jobs, the source and the sink, are no initiatives; one period of the plan is one of the instance.
"""

import re
from datetime import date

from voicehive.optimization import Objective
from voicehive.planning.distributions import Constant
from voicehive.planning.horizon import Horizon
from voicehive.planning.initiatives import Initiative, Prerequisite
from voicehive.planning.roadmap.errors import InitiativesUnreadable
from voicehive.planning.roadmap.problem import RoadmapProblem

_START = date(2027, 1, 1)


def read_psplib(text: str, name: str) -> RoadmapProblem:
    """Read an instance as a problem in which only the finish counts.

    Args:
        text: the `.sm` file.
        name: what messages call it.

    Raises:
        InitiativesUnreadable: it is no such file, or its jobs have several modes.
    """
    try:
        return _problem(text)
    except (IndexError, KeyError, StopIteration) as error:
        raise InitiativesUnreadable(
            name, f"is no single-mode PSPLIB instance: {error!r} is missing", "give an .sm file"
        ) from None


def _problem(text: str) -> RoadmapProblem:
    after: dict[int, list[int]] = {row[0]: row[3:] for row in _table(text, "PRECEDENCE RELATIONS:", 1)}
    requests = {row[0]: row[2:] for row in _table(text, "REQUESTS/DURATIONS:", 2)}
    available = _table(text, "RESOURCEAVAILABILITIES:", 1)[0]
    horizon = int(next(iter(re.findall(r"^horizon\s*:\s*(\d+)", text, re.MULTILINE))))
    jobs = sorted(requests)[1:-1]
    before = {job: [other for other in jobs if job in after[other]] for job in jobs}
    return RoadmapProblem(
        horizon=Horizon(start=_START, periods=horizon, period="week"),
        initiatives=tuple(
            Initiative(
                id=f"job-{job}",
                duration=Constant(value=float(requests[job][0])),
                people={f"R{number}": float(amount) for number, amount in enumerate(requests[job][1:], 1)},
                prerequisites=tuple(Prerequisite(initiative=f"job-{other}") for other in before[job]),
                required=True,
            )
            for job in jobs
        ),
        capacities={f"R{number}": (float(amount),) for number, amount in enumerate(available, 1)},
        objectives=(Objective(name="finish", direction="minimize", unit="periods"),),
    )


def _table(text: str, title: str, skipped: int) -> list[list[int]]:
    lines = text.splitlines()
    rows = lines[lines.index(title) + 1 + skipped :] if title in lines else []
    numbers: list[list[int]] = []
    for line in rows:
        if line.startswith("*"):
            break
        if re.search(r"\d", line):
            numbers.append([int(word) for word in line.split()])
    if not numbers:
        raise KeyError(title)
    return numbers
