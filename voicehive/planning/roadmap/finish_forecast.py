"""When a schedule will be done, as its durations are uncertain: Monte Carlo over its links.

Source: Van Slyke (1963), "Monte Carlo methods and the PERT problem". Initiatives start when planned, or when what they
wait for is done, if that is later: nobody comes earlier than planned. Durations are taken to be independent.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from voicehive.planning.roadmap.links import Link, in_order
from voicehive.planning.roadmap.problem import RoadmapProblem

SAMPLES = 10_000


def sampled_finishes(
    problem: RoadmapProblem,
    starts: Mapping[str, int],
    links: Sequence[Link],
    generator: np.random.Generator,
    samples: int = SAMPLES,
) -> NDArray[np.float64]:
    """Draw finishes (samples,) in periods from the plan's start; 0 where nothing is done."""
    waits: dict[str, list[Link]] = {name: [] for name in starts}
    for link in links:
        waits[link.after].append(link)
    ends: dict[str, NDArray[np.float64]] = {}
    for name in in_order(starts, links):
        begin = np.full(samples, float(starts[name]))
        for link in waits[name]:
            begin = np.maximum(begin, ends[link.before] + link.lag)
        ends[name] = begin + problem.counting[problem.places[name]].durations(generator.random(samples))
    return np.max(list(ends.values()), axis=0) if ends else np.zeros(samples)
