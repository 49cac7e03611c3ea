"""The Erlang-A queue, M/M/n+M, with a finite or infinite waiting room, solved for whole arrays of queues at a time.

Poisson arrivals at rate lambda, n servers of exponential rate mu, exponential patience of rate theta, at most K callers
waiting; an arrival that finds K waiting is blocked (here: offered a call-back). Theta = 0 and K infinite is Erlang-C.
Sources: Palm (1957), "Research on telephone traffic carried by full availability groups"; Garnett, Mandelbaum & Reiman
(2002), "Designing a call center with impatient customers", M&SOM 4(3); Mandelbaum & Zeltyn (2007), "Service engineering
in action: the Palm/Erlang-A queue".

The distribution of the answered callers' wait. An arrival that finds n + j callers (j < K) would wait
V = sum of Exp(n mu + i theta), i = 0..j, so that exp(-theta V) ~ Beta(n mu / theta, j + 1). Weighted by the stationary
probabilities, the factors of the beta densities cancel, and the sum over j is an exponential series cut after K terms:

    v(x) = pi(n) n mu exp(-n mu x) sum_{j < K} z^j / j!,    z(x) = lambda (1 - exp(-theta x)) / theta

is the density of V over arrivals; times exp(-theta x), the patience that outlasts it, that of the answered ones.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from voicehive.optimization.arrays import Floats

_NEGLIGIBLE_LOG = 40.0
"""Terms below exp(-40) of the largest are left out of a sum: beyond double precision."""
_BLOCK_ELEMENTS = 1 << 20
_LONGEST_SUM = 1 << 24


@dataclass(frozen=True)
class ErlangA:
    """Stationary measures of a set of queues; every field has the queues' common shape.

    `waiting`, `abandonment` and `blocked` are shares of all arrivals (of one that would come, where none does);
    `answered_after_waiting` likewise. `mean_wait` is over the arrivals not blocked, answered or not, those who do not
    wait included. `occupancy` is the share of the servers busy. `log_full` is the logarithm of pi(n).
    """

    arrival_rate: Floats
    service_rate: Floats
    abandonment_rate: Floats
    agents: Floats
    waiting_room: Floats
    waiting: Floats
    abandonment: Floats
    blocked: Floats
    mean_wait: Floats
    log_full: Floats

    @property
    def answered(self) -> Floats:
        """The share of all arrivals that an agent answers."""
        return np.maximum(1.0 - self.abandonment - self.blocked, 0.0)

    @property
    def answered_after_waiting(self) -> Floats:
        """The share of all arrivals that wait and are answered."""
        return np.maximum(self.waiting - self.abandonment, 0.0)

    @property
    def occupancy(self) -> Floats:
        """The share of the agents' time spent serving; 0 without agents."""
        capacity = self.agents * self.service_rate
        busy = np.divide(self.arrival_rate * self.answered, capacity, out=np.zeros_like(capacity), where=capacity > 0)
        return np.minimum(busy, 1.0)

    def answered_wait_density(self, times: Floats, log_series: Floats | None = None) -> Floats:
        """The density of the answered callers' wait at `times` (M,): shares of all arrivals per time, (..., M).

        `log_series` is `log_wait_series` for these queues and times, where the caller has it already.
        """
        if log_series is None:
            log_series = log_wait_series(self.arrival_rate, self.abandonment_rate, self.waiting_room, times)
        capacity = self.agents * self.service_rate
        with np.errstate(divide="ignore"):
            start = self.log_full + np.log(capacity)
        return np.exp(start[..., None] - (capacity + self.abandonment_rate)[..., None] * times + log_series)

    def answered_wait(self, grid: "WaitGrid", log_series: Floats | None = None) -> tuple[Floats, Floats]:
        """The share of all arrivals answered after more than t, and its density, for t on the grid's nodes (..., M)."""
        density = self.answered_wait_density(grid.nodes, log_series)
        return self.answered_after_waiting[..., None] - grid.cumulative(density), density

    def answered_wait_tail(self, times: ArrayLike) -> Floats:
        """The share of all arrivals that is answered after waiting more than each of `times` (T,); shape (..., T)."""
        wanted = np.asarray(times, dtype=np.float64)
        fastest = float(np.max(self.agents * self.service_rate))
        grid = WaitGrid.reaching(float(wanted.max()), 4.0 * fastest, most_panels=512)
        grid = WaitGrid(np.union1d(grid.edges, wanted))
        return np.maximum(self.answered_wait(grid)[0][..., np.searchsorted(grid.nodes, wanted)], 0.0)


def solve(
    arrival_rate: ArrayLike,
    service_rate: ArrayLike,
    abandonment_rate: ArrayLike,
    agents: ArrayLike,
    waiting_room: ArrayLike = np.inf,
) -> ErlangA:
    """Solve the birth-death equations of M/M/n+M queues in logarithms.

    Args:
        arrival_rate: lambda >= 0, per unit of time.
        service_rate: mu > 0, of one agent.
        abandonment_rate: theta >= 0, of one waiting caller. At 0 with too few agents the measures are the limits as
            theta falls to 0: the calls beyond capacity, never answered, count as abandoned.
        agents: n, whole, >= 0.
        waiting_room: K, whole, >= 0, or infinite.

    All broadcast against each other.

    Raises:
        ValueError: a rate or count out of range, or a waiting room too large to sum (more than 16 million places that
            matter).
    """
    given = (arrival_rate, service_rate, abandonment_rate, agents, waiting_room)
    arrays = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in given))
    lam, mu, theta, n, room = (x.ravel() for x in arrays)
    if not (np.all(lam >= 0) and np.all(mu > 0) and np.all(theta >= 0) and np.all(n >= 0) and np.all(room >= 0)):
        raise ValueError("rates and counts must be at least 0, and service_rate above 0; none may be NaN")
    if not (np.all(n == np.floor(n)) and np.all(room == np.floor(room))):
        raise ValueError("agents and waiting_room count people: give whole numbers")
    nobody_leaves = (n == 0) & (theta == 0) & np.isfinite(room)
    places = np.where(nobody_leaves, 0.0, room)  # a room that never empties is full: every arrival is blocked
    queues = np.stack([lam, mu, theta, n, places])
    regimes = _regimes(lam, n * mu, theta, places)
    measures = np.empty((5, lam.size))
    for rows, method in ((regimes.saturated, _saturated), (regimes.geometric, _geometric)):
        if rows.any():
            measures[:, rows] = method(*queues[:4, rows])
    for rows in _blocks(np.flatnonzero(~(regimes.saturated | regimes.geometric)), regimes.terms):
        measures[:, rows] = _summed(queues[:, rows], int(regimes.terms[rows].max()))
    return ErlangA(*arrays, *(row.reshape(arrays[0].shape) for row in measures))


def log_wait_series(arrival_rate: Floats, abandonment_rate: Floats, waiting_room: Floats, times: Floats) -> Floats:
    """The logarithm of the cut exponential series in the density of the wait, (..., M); see the module's docstring.

    It depends neither on the agents nor on their pace: queues that differ only there share it.
    """
    theta = abandonment_rate[..., None]
    z = arrival_rate[..., None] * times * special.exprel(-theta * times)
    return _log_exponential_sum(waiting_room[..., None], z)


class _Regimes(NamedTuple):
    saturated: NDArray[np.bool_]
    geometric: NDArray[np.bool_]
    terms: Floats


def _regimes(lam: Floats, capacity: Floats, theta: Floats, room: Floats) -> _Regimes:
    """Sort the queues by how they are solved, and count the waiting states that matter where they are summed.

    Beyond the mode p = (lambda - n mu) / theta of the queue's length, terms fall at least as fast as a normal density
    of variance max(lambda, n mu) / theta, and, with spare capacity, as a geometric series.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        mode = np.where(lam > capacity, (lam - capacity) / theta, 0.0)
        normal = np.sqrt(2.8 * _NEGLIGIBLE_LOG * np.maximum(lam, capacity) / theta) + _NEGLIGIBLE_LOG
        log_ratio = np.where(lam < capacity, np.log(capacity) - np.log(lam), 0.0)
        reach = np.fmin(normal, _NEGLIGIBLE_LOG / log_ratio + 1.0)
    saturated = (lam > capacity) & ~(mode + normal > room) & (~(mode < normal) | (theta == 0))
    saturated |= (lam >= capacity) & (lam > 0) & (theta == 0) & np.isinf(room)
    geometric = (theta == 0) & np.isinf(room) & ~saturated
    terms = np.ceil(np.minimum(room, mode + reach))
    if np.any(terms[~saturated & ~geometric] > _LONGEST_SUM):
        raise ValueError(f"waiting_room or patience is too large: more than {_LONGEST_SUM} waiting places matter")
    return _Regimes(saturated, geometric, terms)


def _blocks(rows: NDArray[np.intp], terms: Floats) -> list[NDArray[np.intp]]:
    """Group rows of like length, so that no block's matrix grows too large and little of it is padding."""
    ordered = rows[np.argsort(-terms[rows], kind="stable")]
    blocks: list[NDArray[np.intp]] = []
    while ordered.size:
        count = max(1, int(_BLOCK_ELEMENTS // (terms[ordered[0]] + 1)))
        blocks.append(ordered[:count])
        ordered = ordered[count:]
    return blocks


def _saturated(lam: Floats, mu: Floats, theta: Floats, n: Floats) -> Floats:
    """All agents are busy but for a negligible share of the time: flow conservation alone gives every measure."""
    capacity = n * mu
    abandonment = 1.0 - capacity / lam
    with np.errstate(divide="ignore", invalid="ignore"):
        load, agents = lam / theta, capacity / theta
        series = load - special.xlogy(agents, load) + special.gammaln(agents + 1.0)  # Palm's A, as 1F1(1; c + 1; y)
        wait = abandonment / theta
    log_full = np.where(theta > 0, -series, -np.inf)
    one = np.ones_like(lam)
    return np.stack([one, abandonment, 0.0 * one, np.where(theta > 0, wait, np.inf), log_full])


def _geometric(lam: Floats, mu: Floats, theta: Floats, n: Floats) -> Floats:
    """Erlang-C: endless patience, endless room, spare capacity (or no calls at all)."""
    capacity = np.maximum(n * mu, np.finfo(np.float64).tiny)
    ratio = lam / capacity
    log_idle = _log_idle(lam / mu, n)
    log_full = -np.logaddexp(log_idle, -np.log1p(-ratio))
    waiting = np.exp(log_full) / (1.0 - ratio)
    wait = np.where(n > 0, waiting / (capacity - lam), np.inf)
    abandonment = np.where(n > 0, 0.0, waiting)
    return np.stack([waiting, abandonment, np.zeros_like(lam), wait, log_full])


def _summed(queues: Floats, width: int) -> Floats:
    """Sum the waiting states 0..width of queues (lambda, mu, theta, n, K) one by one, scaled by the largest."""
    lam, mu, theta, n, room = queues
    place = np.arange(width + 1.0)
    departures = np.maximum((n * mu)[:, None] + place * theta[:, None], np.finfo(np.float64).tiny)
    with np.errstate(divide="ignore"):
        steps = np.log(lam)[:, None] - np.log(departures)
    steps[:, 0] = 0.0
    logs = np.where(place <= room[:, None], np.cumsum(steps, axis=1), -np.inf)
    log_idle = _log_idle(lam / mu, n)
    largest = np.maximum(logs.max(axis=1), log_idle)
    weights = np.exp(logs - largest[:, None])
    total = weights.sum(axis=1) + np.exp(log_idle - largest)
    weights /= total[:, None]
    blocked = (weights * (place == room[:, None])).sum(axis=1)
    weights[place >= room[:, None]] = 0.0
    leaving = (n * mu + theta)[:, None] + place * theta[:, None]
    holding = np.divide(place + 1.0, leaving, out=np.zeros_like(leaving), where=leaving > 0)
    wait = (weights * holding).sum(axis=1)  # E[min(V, patience)] over all arrivals, by the balance equations
    entering = np.maximum(1.0 - blocked, np.finfo(np.float64).tiny)
    return np.stack([weights.sum(axis=1), theta * wait, blocked, wait / entering, -largest - np.log(total)])


def _log_idle(load: Floats, n: Floats) -> Floats:
    """log of (pi(0) + ... + pi(n - 1)) / pi(n), for the offered load lambda / mu; a finite stand-in for infinity."""
    return np.minimum(_log_exponential_sum(n, load) - special.xlogy(n, load) + special.gammaln(n + 1.0), 1e300)


def _log_exponential_sum(terms: Floats, x: Floats) -> Floats:
    """log of sum_{k < terms} x^k / k!, elementwise; -inf for no terms, x itself for infinitely many.

    By the incomplete gamma function (DLMF 8.4.10), and where that underflows by the recursion of the reciprocal
    Erlang-B formula, 1/B(k) = 1 + k/x 1/B(k - 1) (Jagerman 1974).
    """
    terms, x = np.broadcast_arrays(terms, x)
    bounded = np.maximum(np.where(np.isinf(terms), 1.0, terms), 1.0)
    share = np.where(np.isinf(terms), 1.0, special.gammaincc(bounded, x))
    share = np.where(terms == 0, 0.0, share)
    with np.errstate(divide="ignore"):
        result = x + np.log(share)
    lost = (share < 1e-290) & (terms > 0)
    if lost.any():
        count, at = terms[lost], x[lost]
        reciprocal = np.ones_like(at)
        for k in range(1, int(count.max())):
            reciprocal = np.where(k < count, 1.0 + k / at * reciprocal, reciprocal)
        result[lost] = (count - 1.0) * np.log(at) - special.gammaln(count) + np.log(reciprocal)
    return result


_LOBATTO = np.array([-1.0, -np.sqrt(3.0 / 7.0), 0.0, np.sqrt(3.0 / 7.0), 1.0])
_POWERS = np.arange(5)
_INTEGRALS = (_LOBATTO[:, None] ** (_POWERS + 1) - (-1.0) ** (_POWERS + 1)) / (_POWERS + 1)
_BISECTIONS = 40
_INTEGRATION = _INTEGRALS @ np.linalg.inv(_LOBATTO[:, None] ** _POWERS)
"""Integrals from -1 to each Gauss-Lobatto node of the polynomial through values at the nodes."""


class WaitGrid:
    """Times at which waits are tabulated: Gauss-Lobatto nodes in panels between `edges`, the first of which is 0.

    A wait behind j callers has mean near j / (n mu) and variance near j / (n mu)^2: features at time x are about
    sqrt(x / (n mu)) wide, so edges that grow as squares resolve all of them alike.
    """

    def __init__(self, edges: Floats) -> None:
        self.edges = edges
        self._half_widths = np.diff(edges)[:, None] / 2.0
        inner = edges[:-1, None] + self._half_widths * (_LOBATTO[:-1] + 1.0)
        self.nodes: Floats = np.append(inner.ravel(), edges[-1])
        self._panels = 4 * np.arange(edges.size - 1)[:, None] + np.arange(5)

    @classmethod
    def reaching(cls, longest: float, capacity: float, most_panels: int = 64) -> "WaitGrid":
        """Make a grid over [0, longest] for queues whose agents serve up to `capacity` calls per unit of time.

        Beyond `most_panels` the panels grow wider instead of more.
        """
        panels = min(int(np.ceil(np.sqrt(max(longest * capacity, 1.0)))), most_panels)
        return cls(np.linspace(0.0, 1.0, panels + 1) ** 2 * max(longest, np.finfo(np.float64).tiny))

    def cumulative(self, density: Floats) -> Floats:
        """Integrate values at the nodes (..., M) from 0 up to each node; shape (..., M)."""
        within = (density[..., self._panels] * self._half_widths) @ _INTEGRATION.T
        before = np.cumsum(within[..., -1], axis=-1)
        result = np.zeros_like(density)
        result[..., 1:] = within[..., 1:].reshape(*density.shape[:-1], -1)
        result[..., 5:] += np.repeat(before[..., :-1], 4, axis=-1)
        return result

    def quantile(self, tail: Floats, density: Floats, answered: Floats, share: float) -> Floats:
        """Find the wait that `share` of the answered calls stays within, for each row of pooled tails.

        Args:
            tail: calls answered after more than each node (N, M).
            density: minus its derivative (N, M).
            answered: all answered calls, those without a wait included (N,).
            share: 0.95 for the 95th percentile.

        Returns:
            Times (N,), 0 where that share is answered at once; the grid's end where it lies beyond.
        """
        target = (1.0 - share) * answered
        above = np.maximum.accumulate(tail[:, ::-1] > target[:, None], axis=1)[:, ::-1]
        last = np.clip(above.sum(axis=1) - 1, 0, self.nodes.size - 2)
        row = np.arange(len(tail))
        width = self.nodes[last + 1] - self.nodes[last]
        ends = (tail[row, last], tail[row, last + 1], -width * density[row, last], -width * density[row, last + 1])
        constant, *higher = _hermite(*ends)
        low, step = np.zeros(len(tail)), 0.5
        for _ in range(_BISECTIONS):
            middle = low + step
            beyond = constant + middle * (higher[0] + middle * (higher[1] + middle * higher[2])) > target
            low += step * beyond
            step /= 2.0
        wait = self.nodes[last] + width * low
        return np.where(tail[:, 0] <= target, 0.0, np.where(tail[:, -1] > target, self.nodes[-1], wait))


def _hermite(left: Floats, right: Floats, left_slope: Floats, right_slope: Floats) -> tuple[Floats, ...]:
    """The coefficients, constant first, of the cubic on [0, 1] with given values and slopes at its ends."""
    rise = right - left
    return left, left_slope, 3.0 * rise - 2.0 * left_slope - right_slope, left_slope + right_slope - 2.0 * rise
