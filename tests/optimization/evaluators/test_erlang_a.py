"""The queueing model against published values, the generator matrix, a simulation, and its own laws."""

import heapq
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special, stats

from voicehive.optimization.evaluators.erlang_a import WaitGrid, solve

QUEUES = [  # lambda, mu, theta, n, K: light, critical, overloaded, tiny, small room, one agent
    (48.0, 1.0, 0.5, 50, 17),
    (48.0, 1.0, 0.5, 30, 400),
    (0.4, 1 / 210, 1 / 120, 60, 17),
    (0.4, 1 / 210, 1 / 120, 90, 25),
    (5.0, 1.0, 0.1, 1, 3),
    (100.0, 1.0, 0.01, 3, 5),
    (0.7, 1.0, 0.3, 1, 40),
]


def generator_solution(lam: float, mu: float, theta: float, n: int, room: int) -> NDArray[np.float64]:
    """The stationary distribution by linear algebra on the generator matrix: no product form, no logarithms."""
    size = n + room + 1
    generator = np.zeros((size, size))
    for state in range(size):
        if state + 1 < size:
            generator[state, state + 1] = lam
        if state:
            generator[state, state - 1] = min(state, n) * mu + max(state - n, 0) * theta
        generator[state, state] = -generator[state].sum()
    system = np.vstack([generator.T, np.ones(size)])
    return np.linalg.lstsq(system, np.append(np.zeros(size), 1.0), rcond=None)[0].astype(np.float64)


def simulate(
    lam: float, mu: float, theta: float, n: int, room: int, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """First come, first served, call by call: abandoning, blocked, mean wait of the rest, answered after 20 s."""
    calls, warm_up = 25_000, 3_000
    arrivals = np.cumsum(rng.exponential(1 / lam, calls))
    services, patiences = rng.exponential(1 / mu, calls), rng.exponential(1 / theta, calls)
    free_at, leaves_queue = [0.0] * n, list[float]()
    outcome, waits = np.zeros(calls, dtype=int), np.zeros(calls)
    for call, (now, service, patience) in enumerate(zip(arrivals, services, patiences, strict=True)):
        while leaves_queue and leaves_queue[0] <= now:
            heapq.heappop(leaves_queue)
        offered = max(0.0, free_at[0] - now)
        if offered > 0 and len(leaves_queue) >= room:
            outcome[call] = 2
            continue
        waits[call] = min(offered, patience)
        if offered > 0:
            heapq.heappush(leaves_queue, now + waits[call])
        if offered > patience:
            outcome[call] = 1
        else:
            heapq.heapreplace(free_at, now + offered + service)
    outcome, waits = outcome[warm_up:], waits[warm_up:]
    late = (outcome == 0) & (waits > 20.0)
    return (
        float((outcome == 1).mean()),
        float((outcome == 2).mean()),
        float(waits[outcome < 2].mean()),
        float(late.mean()),
    )


class TestPublished:
    def test_garnett_mandelbaum_reiman_2002_without_abandonment(self):
        """Garnett, Mandelbaum & Reiman (2002), M&SOM 4(3), table 1: 48 calls a minute, 1 minute each, 50 agents."""
        queue = solve(48.0, 1.0, 0.0, 50)
        assert 60 * queue.mean_wait == pytest.approx(20.8, abs=0.05)
        assert 48 * queue.mean_wait == pytest.approx(17, abs=0.5)
        assert queue.occupancy == pytest.approx(0.96)
        assert queue.answered_wait_tail([58.1 / 60])[0] == pytest.approx(0.1, abs=0.0002)

    def test_garnett_mandelbaum_reiman_2002_with_abandonment(self):
        """The same table with a mean patience of 2 minutes: 3.1 % abandon, 3.7 s mean wait, 12.5 s at 90 %."""
        queue = solve(48.0, 1.0, 0.5, 50)
        assert queue.abandonment == pytest.approx(0.031, abs=0.0005)
        assert 60 * queue.mean_wait == pytest.approx(3.7, abs=0.05)
        assert 48 * queue.mean_wait == pytest.approx(3, abs=0.5)
        assert queue.occupancy == pytest.approx(0.93, abs=0.005)
        times = np.linspace(0.0, 4.0, 40_001)  # the table's wait is everybody's, min(V, patience)
        offered = queue.answered_wait_density(times) * np.exp(0.5 * times)
        beyond = queue.waiting - np.append(0.0, np.cumsum((offered[1:] + offered[:-1]) / 2 * np.diff(times)))
        ninetieth = times[np.argmax(beyond * np.exp(-0.5 * times) < 0.1)]
        assert 60 * ninetieth == pytest.approx(12.5, abs=0.055)

    def test_hillier_lieberman_county_hospital(self):
        """Hillier & Lieberman, Introduction to Operations Research, county hospital: lambda 2, mu 3 an hour."""
        one, two = solve(2.0, 3.0, 0.0, 1), solve(2.0, 3.0, 0.0, 2)
        assert one.mean_wait == pytest.approx(2 / 3)
        assert two.mean_wait == pytest.approx(1 / 24)
        assert two.waiting == pytest.approx(1 / 6)

    def test_gross_harris_eye_clinic(self):
        """Gross & Harris, Fundamentals of Queueing Theory, the M/M/3 eye clinic: lambda 6, mu 3 an hour, Lq 8/9."""
        queue = solve(6.0, 3.0, 0.0, 3)
        assert queue.waiting == pytest.approx(4 / 9)
        assert 6 * queue.mean_wait == pytest.approx(8 / 9)

    def test_no_room_is_erlang_b(self):
        """The usual Erlang-B traffic tables: 10 servers lose 1 % of 4.46 erlangs."""
        assert solve(4.46, 1.0, 1.0, 10, 0).blocked == pytest.approx(0.01, abs=0.00005)

    def test_patience_like_service_is_poisson(self):
        """With theta = mu every state is left at rate (number in system) mu: M/M/inf, a Poisson number in system."""
        queue = solve(20.0, 1.0, 1.0, 18)
        assert queue.waiting == pytest.approx(stats.poisson.sf(17, 20))


class TestOracles:
    @pytest.mark.parametrize("parameters", QUEUES)
    def test_generator_matrix(self, parameters: tuple[float, float, float, int, int]):
        lam, mu, theta, n, room = parameters
        states = generator_solution(*parameters)
        queue = solve(*parameters)
        in_queue = states[n:] @ np.arange(room + 1)
        assert queue.waiting == pytest.approx(states[n:-1].sum(), abs=1e-9)
        assert queue.blocked == pytest.approx(states[-1], abs=1e-9)
        assert queue.abandonment == pytest.approx(theta * in_queue / lam, abs=1e-9)
        assert queue.mean_wait == pytest.approx(in_queue / (lam * (1 - states[-1])), abs=1e-6 / mu)
        assert queue.occupancy == pytest.approx(states @ np.minimum(np.arange(n + room + 1), n) / n, abs=1e-9)

    @pytest.mark.parametrize("parameters", QUEUES)
    def test_tail_is_the_mixture_of_betas(self, parameters: tuple[float, float, float, int, int]):
        """P(served, V > t | j) = c/(c+j+1) I_{exp(-theta t)}(c+1, j+1), c = n mu / theta, weighted by pi(n + j)."""
        _, mu, theta, n, room = parameters
        behind, c = np.arange(room), n * mu / theta
        states = generator_solution(*parameters)[n:-1]
        times = np.array([0.0, 0.1, 0.5, 1.0, 3.0, 8.0]) * max(room / (n * mu), 1.0 / (n * mu)) / 3.0
        shares = c / (c + behind + 1.0)
        expected = [states @ (shares * special.betainc(c + 1, behind + 1, np.exp(-theta * t))) for t in times]
        assert solve(*parameters).answered_wait_tail(times) == pytest.approx(np.array(expected), abs=2e-6)

    @pytest.mark.parametrize("parameters", [(0.4, 1 / 210, 1 / 120, 80, 25), (0.4, 1 / 210, 1 / 120, 70, 12)])
    def test_simulation(self, parameters: tuple[float, float, float, int, int]):
        runs = np.array([simulate(*parameters, np.random.default_rng(seed)) for seed in range(8)])
        queue = solve(*parameters)
        exact = [queue.abandonment, queue.blocked, queue.mean_wait, queue.answered_wait_tail([20.0])[0]]
        error = runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
        assert np.all(np.abs(runs.mean(axis=0) - exact) < 5.0 * error)

    def test_pooled_quantile(self):
        """The quantile of a whole day leaves 5 % of its answered calls in the tails on a finer grid."""
        queues = solve([0.40, 0.30, 0.20], 1 / 210, 1 / 120, [82, 64, 50], [20, 15, 12])
        calls = np.array([700.0, 500.0, 400.0])
        grid = WaitGrid.reaching(1200.0, 0.4)
        tail, density = (calls @ part for part in queues.answered_wait(grid))
        answered = calls @ queues.answered
        wait = grid.quantile(tail[None], density[None], np.array([answered]), 0.95)[0]
        assert calls @ queues.answered_wait_tail([wait])[:, 0] == pytest.approx(0.05 * answered, rel=1e-4)


class TestLimits:
    def test_erlang_c_is_the_limit_of_endless_patience(self):
        for n in (49, 50, 60):
            patient, endless = solve(48.0, 1.0, 1e-9, n), solve(48.0, 1.0, 0.0, n)
            assert patient.waiting == pytest.approx(endless.waiting, rel=1e-5)
            assert patient.mean_wait == pytest.approx(endless.mean_wait, rel=1e-5)
            assert patient.abandonment == pytest.approx(0.0, abs=1e-8)

    def test_overload_with_endless_patience_loses_the_excess(self):
        for theta in (0.0, 1e-8):
            queue = solve(5.0, 1.0, theta, 3)
            assert (queue.abandonment, queue.waiting, queue.occupancy) == pytest.approx((0.4, 1.0, 1.0))

    def test_saturated_meets_summed(self):
        """Across the switch from summing to flow conservation, against the series itself."""
        theta = np.geomspace(1e-2, 1e-4, 40)
        queue = solve(2.0, 1.0, theta, 1)
        assert queue.abandonment == pytest.approx(0.5, abs=1e-12)
        assert queue.mean_wait * theta == pytest.approx(0.5, abs=1e-12)
        for leaving, log_full in zip(theta[::8], queue.log_full[::8], strict=True):
            terms = np.append(0.0, np.cumsum(np.log(2.0) - np.log(1.0 + leaving * np.arange(1, 60_000))))
            assert log_full == pytest.approx(-np.logaddexp(special.logsumexp(terms), np.log(0.5)), rel=1e-9)

    def test_nobody_calls(self):
        queue = solve(0.0, 1.0, [0.0, 1.0, 1.0], [3, 3, 3], [np.inf, np.inf, 5])
        for measure in (queue.waiting, queue.abandonment, queue.blocked, queue.mean_wait, queue.occupancy):
            assert measure == pytest.approx(0.0)

    def test_nobody_answers(self):
        queue = solve(5.0, 1.0, [1.0, 0.0, 1.0, 0.0], 0, [np.inf, np.inf, 0, 4])
        assert queue.abandonment == pytest.approx([1.0, 1.0, 0.0, 0.0])
        assert queue.blocked == pytest.approx([0.0, 0.0, 1.0, 1.0])
        assert queue.occupancy == pytest.approx(0.0)
        assert queue.answered_wait_tail([0.0, 1.0]) == pytest.approx(0.0)
        assert queue.mean_wait[0] == pytest.approx(1.0)

    def test_far_overload_underflows_nothing(self):
        queue = solve(2000.0, 1.0, 0.001, 10, [3, np.inf])
        assert queue.blocked[0] == pytest.approx(1 - 10 / 2000, abs=1e-5)
        assert queue.abandonment[1] == pytest.approx(1 - 10 / 2000)

    @pytest.mark.parametrize(
        "bad", [(-1, 1, 1, 1), (1, 0, 1, 1), (1, 1, -1, 1), (1, 1, 1, 1.5), (float("nan"), 1, 1, 1)]
    )
    def test_refuses_nonsense(self, bad: tuple[float, float, float, float]):
        with pytest.raises(ValueError, match=r"at least 0|whole numbers"):
            solve(*bad)


RATES = st.floats(0.05, 60.0)
LEAVING = st.floats(0.01, 5.0)


class TestLaws:
    @given(lam=RATES, theta=LEAVING, n=st.integers(0, 80), room=st.one_of(st.integers(0, 60), st.just(np.inf)))
    def test_shares_add_up(self, lam: float, theta: float, n: int, room: float):
        queue = solve(lam, 1.0, theta, n, room)
        shares = queue.answered + queue.abandonment + queue.blocked
        assert shares == pytest.approx(1.0, abs=1e-9)
        assert queue.abandonment <= queue.waiting + 1e-12
        assert lam * queue.answered <= n + 1e-6
        tail = queue.answered_wait_tail([0.0, 0.1, 1.0, 10.0])
        assert all(later <= earlier + 1e-9 for earlier, later in pairwise(tail))

    @given(lam=RATES, theta=LEAVING, n=st.integers(0, 60))
    def test_more_agents_never_hurt(self, lam: float, theta: float, n: int):
        queues = solve(lam, 1.0, theta, [n, n + 1])
        assert queues.abandonment[1] <= queues.abandonment[0] + 1e-12
        assert queues.waiting[1] <= queues.waiting[0] + 1e-12
        assert queues.mean_wait[1] <= queues.mean_wait[0] + 1e-12

    @given(lam=RATES, theta=LEAVING, n=st.integers(1, 60), room=st.integers(0, 40))
    def test_more_room_blocks_fewer(self, lam: float, theta: float, n: int, room: int):
        queues = solve(lam, 1.0, theta, n, [room, room + 1, np.inf])
        assert queues.blocked[1] <= queues.blocked[0] + 1e-12
        assert queues.blocked[2] == 0.0
        assert queues.abandonment[0] <= queues.abandonment[1] + 1e-12

    @given(lam=RATES, theta=LEAVING, n=st.integers(1, 60), unit=st.floats(0.001, 1000.0))
    def test_the_unit_of_time_does_not_matter(self, lam: float, theta: float, n: int, unit: float):
        queue, rescaled = solve(lam, 1.0, theta, n, 20), solve(lam / unit, 1.0 / unit, theta / unit, n, 20)
        assert rescaled.abandonment == pytest.approx(float(queue.abandonment), rel=1e-9)
        assert rescaled.mean_wait == pytest.approx(float(queue.mean_wait) * unit, rel=1e-9)

    @given(st.lists(st.tuples(RATES, LEAVING, st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=6))
    def test_together_as_alone(self, rows: list[tuple[float, float, int, int]]):
        lam, theta, n, room = (np.array(column) for column in zip(*rows, strict=True))
        together = solve(lam, 1.0, theta, n, room)
        for index, (rate, leaving, agents, places) in enumerate(rows):
            alone = solve(rate, 1.0, leaving, agents, places)
            assert together.abandonment[index] == pytest.approx(float(alone.abandonment), rel=1e-12, abs=1e-300)
