"""Computes a contact centre's outcomes for whole populations of settings at a time, remembering every block solved."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.arrays import Floats
from voicehive.optimization.errors import InvalidArrivals
from voicehive.optimization.evaluators.contact_centre import AGENTS, THRESHOLD, TIER, ContactCentre
from voicehive.optimization.evaluators.erlang_a import WaitGrid, log_wait_series, solve

Columns: TypeAlias = Mapping[str, NDArray[Any]]
"""One array (N,) for each setting's name."""

_Combination: TypeAlias = tuple[int, int, int, int]
"""A block, a tier, its agents, and the places in its waiting room."""

_PATIENCES = 10.0
"""Waits are tabulated up to this many mean patience times: of all callers, only exp(-10) would stay longer."""
_ROWS_AT_ONCE = 512
_ROWS_REMEMBERED = 40_000
_SERIES_REMEMBERED = 2_000
_ROOM_LIMIT = 1 << 24
_SHARE_WITHIN = 0.95


class _Block(NamedTuple):
    """The intervals of one staffing block: calls in each, calls per second, and the hours of the whole block."""

    name: str
    calls: Floats
    rate: Floats
    hours: float


class ContactCentreEvaluator:
    """Evaluates settings against one day.

    A block's day depends on its own agents, the tier and the waiting room alone, so it is solved once for each
    combination, however many candidates share it. At most 40,000 combinations are remembered.

    Raises:
        InvalidArrivals: the centre still names an arrivals file, which has to be read first.
    """

    def __init__(self, centre: ContactCentre) -> None:
        if centre.arrivals_file is not None:
            raise InvalidArrivals(
                f"arrivals_file {centre.arrivals_file!r} has not been read; call with_data(folder of the request) first"
            )
        self._centre = centre
        self._tiers = tuple(centre.tiers)
        tiers = centre.tiers.values()
        self._tier_price = np.array([tier.price_per_minute for tier in tiers])
        self._tier_quality = np.array([tier.quality for tier in tiers])
        self._handling = centre.handling_time_seconds * np.array([tier.handling_time_factor for tier in tiers])
        self._blocks = tuple(_blocks(centre))
        self._calls = sum(float(block.calls.sum()) for block in self._blocks)
        busiest = max(float(block.rate.max()) for block in self._blocks)
        self._grid = WaitGrid.reaching(_PATIENCES * centre.patience_seconds, busiest)
        self._forget()

    def evaluate(self, columns: Columns) -> dict[str, Floats]:
        """Compute every outcome of `ContactCentre.OUTCOMES` for N candidates.

        Args:
            columns: for each parameter's name an array (N,): whole numbers for agents, seconds for the call-back
                threshold, names for the tier. Settings in `centre.fixed` need none.

        Returns:
            An array (N,) for each outcome.
        """
        size = len(next(iter(columns.values())))
        tier = self._tier_indices(columns, size)
        agents = np.stack([self._column(columns, AGENTS + block.name, size) for block in self._blocks], axis=1)
        room = self._waiting_room(columns, agents, tier)
        rows = self._rows_of(agents.astype(np.int64), room, tier)
        answered, abandoned, called_back = (self._totals[rows, k].sum(axis=1) for k in range(3))
        tail, density = self._tails[rows].sum(axis=1).swapaxes(0, 1)
        talk_hours = answered * self._handling[tier] / 3600.0
        agent_hours = agents @ np.array([block.hours for block in self._blocks])
        centre = self._centre
        resolved = answered + centre.callback_quality_factor * called_back
        return {
            "cost": centre.price_per_agent_hour * agent_hours
            + self._tier_price[tier] * 60.0 * talk_hours
            + centre.price_per_callback * called_back,
            "answer_wait_p95": self._grid.quantile(tail, density, answered, _SHARE_WITHIN),
            "abandonment": abandoned / self._calls,
            "quality": self._tier_quality[tier] * resolved / self._calls,
            "callback_share": called_back / self._calls,
            "occupancy": np.divide(talk_hours, agent_hours, out=np.zeros_like(talk_hours), where=agent_hours > 0),
        }

    def _column(self, columns: Columns, name: str, size: int) -> NDArray[Any]:
        return columns[name] if name in columns else np.full(size, self._centre.fixed[name])

    def _tier_indices(self, columns: Columns, size: int) -> NDArray[np.intp]:
        names = self._column(columns, TIER, size)
        return np.array([self._tiers.index(str(name)) for name in names], dtype=np.intp)

    def _waiting_room(self, columns: Columns, agents: NDArray[Any], tier: NDArray[np.intp]) -> NDArray[np.int64]:
        """Places (N, B) before a call-back is offered: the calls that the agents serve within the threshold.

        `_ROOM_LIMIT` stands for no limit.
        """
        if THRESHOLD not in columns and THRESHOLD not in self._centre.fixed:
            return np.full(agents.shape, _ROOM_LIMIT)
        seconds = self._column(columns, THRESHOLD, len(tier)).astype(np.float64)
        served = seconds[:, None] * agents / self._handling[tier][:, None]
        return np.minimum(np.floor(served + 1e-9), _ROOM_LIMIT).astype(np.int64)

    def _forget(self, room_for: int = 0) -> None:
        rows = max(_ROWS_REMEMBERED, room_for)
        self._row_of: dict[_Combination, int] = {}
        self._totals = np.empty((rows, 3))
        self._tails = np.empty((rows, 2, self._grid.nodes.size))
        self._series: dict[tuple[int, int], Floats] = {}

    def _rows_of(self, agents: NDArray[np.int64], room: NDArray[np.int64], tier: NDArray[np.intp]) -> NDArray[np.intp]:
        """Find the rows (N, B) of `_totals` and `_tails`, solving the combinations that are new."""
        block = np.broadcast_to(np.arange(len(self._blocks)), agents.shape)
        keys = np.stack([block, np.broadcast_to(tier[:, None], agents.shape), agents, room], axis=-1)
        wanted: list[_Combination] = [(b, t, n, k) for b, t, n, k in keys.reshape(-1, 4).tolist()]
        if len(self._row_of) + len(wanted) > len(self._totals):
            self._forget(len(wanted))
        new = [key for key in dict.fromkeys(wanted) if key not in self._row_of]
        for index in range(len(self._blocks)):
            mine = [key for key in new if key[0] == index]
            for start in range(0, len(mine), _ROWS_AT_ONCE):
                self._solve(index, mine[start : start + _ROWS_AT_ONCE])
        return np.array([self._row_of[key] for key in wanted], dtype=np.intp).reshape(agents.shape)

    def _solve(self, index: int, keys: list[_Combination]) -> None:
        """Sum one block's intervals, weighted by their calls, for each combination."""
        block, leaving = self._blocks[index], 1.0 / self._centre.patience_seconds
        _, tier, agents, room = np.array(keys).T[:, :, None]
        places = np.where(room == _ROOM_LIMIT, np.inf, room)
        queues = solve(block.rate, 1.0 / self._handling[tier], leaving, agents, places)
        series = np.stack([self._log_series(index, key[3]) for key in keys])
        rows = slice(len(self._row_of), len(self._row_of) + len(keys))
        for part, share in enumerate((queues.answered, queues.abandonment, queues.blocked)):
            self._totals[rows, part] = share @ block.calls
        for part, shares in enumerate(queues.answered_wait(self._grid, series)):
            self._tails[rows, part] = block.calls @ shares
        self._row_of.update(zip(keys, range(rows.start, rows.stop), strict=True))

    def _log_series(self, index: int, room: int) -> Floats:
        """The wait's series (I, M) for one block's intervals and one size of waiting room."""
        if (index, room) not in self._series:
            if len(self._series) >= _SERIES_REMEMBERED:
                self._series.clear()
            rate = self._blocks[index].rate
            places = np.full_like(rate, np.inf if room == _ROOM_LIMIT else room)
            leaving = np.full_like(rate, 1.0 / self._centre.patience_seconds)
            self._series[index, room] = log_wait_series(rate, leaving, places, self._grid.nodes)
        return self._series[index, room]


def _blocks(centre: ContactCentre) -> list[_Block]:
    members: dict[str, list[tuple[float, float]]] = {name: [] for name in centre.blocks}
    for interval in centre.arrivals:
        minutes = float(interval.minutes or centre.interval_minutes)
        members[centre.block_of(interval.start)].append((interval.calls, minutes))
    blocks: list[_Block] = []
    for name, intervals in members.items():
        calls, minutes = np.array(intervals).reshape(-1, 2).T
        blocks.append(_Block(name, calls, calls / (60.0 * minutes), float(minutes.sum()) / 60.0))
    return blocks
