"""Floats and the critical path of a schedule, by the critical path method (Kelley & Walker 1959) over its links."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from voicehive.planning.roadmap.links import Link, in_order


class Path(NamedTuple):
    """`floats`: periods each may start later with the finish unmoved; `critical`: what decides it, in order."""

    floats: dict[str, int]
    critical: tuple[str, ...]


def critical_path(starts: Mapping[str, int], lasts: Mapping[str, int], links: Sequence[Link]) -> Path:
    """Find total floats against the planned finish, and the chain with none that ends in it."""
    finish = max((starts[name] + lasts[name] for name in starts), default=0)
    floats: dict[str, int] = {}
    for name in reversed(in_order(starts, links)):
        ends = [_latest(starts, floats, link) for link in links if link.before == name]
        floats[name] = min([finish, *ends]) - starts[name] - lasts[name]
    critical = sorted((name for name, left in floats.items() if left == 0), key=lambda one: (starts[one], lasts[one]))
    return Path(floats, tuple(critical))


def _latest(starts: Mapping[str, int], floats: Mapping[str, int], link: Link) -> int:
    return starts[link.after] + floats[link.after] - link.lag
