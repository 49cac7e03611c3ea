"""Asks an external simulator for whole populations, a batch of candidates a request."""

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import httpx
import numpy as np
from pydantic import FiniteFloat, ValidationError

from voicehive.model import Model
from voicehive.optimization.errors import EvaluatorRefused
from voicehive.optimization.evaluators.checked_outcomes import checked
from voicehive.optimization.evaluators.http_simulator import HttpSimulator
from voicehive.optimization.evaluators.simulator_client import Addresses, SimulatorClient

if TYPE_CHECKING:
    from voicehive.optimization.evaluators.description import Columns, Outcomes

_BYTES_PER_NUMBER = 64
_BYTES_BESIDES = 1 << 16
"""An answer may be this large: room for every number with generous white space, and for what stands around them."""


class _Answer(Model):
    outcomes: dict[str, list[FiniteFloat | None]]


class HttpEvaluator:
    """Evaluates by asking a simulator.

    Args:
        simulator: where and how to ask.
        addresses: called before every attempt; it says where the URL's host may be reached, or raises
            `EvaluatorRefused`. None: any host may be asked, at whatever address it has.
        environment: where the values of `headers_from_environment` are looked up.

    Raises:
        EvaluatorRefused: a header's value is missing or malformed, or the URL is unusable.
    """

    def __init__(
        self,
        simulator: HttpSimulator,
        *,
        addresses: Addresses | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._simulator = simulator
        self._client = SimulatorClient(simulator, addresses, environment)

    def evaluate(self, columns: "Columns") -> "Outcomes":
        """Ask for N candidates; see `PopulationEvaluator`.

        Raises:
            EvaluatorRefused: the simulator may not be asked, refuses, or answers in another shape than agreed.
            EvaluatorFailed: after every attempt there is no answer, or one that says to try later.
        """
        size, step = len(next(iter(columns.values()))), self._simulator.batch_size
        outcomes = {name: np.empty(size) for name in self._simulator.outcomes}
        with self._client.open() as connections:
            for start in range(0, size, step):
                rows = slice(start, min(start + step, size))
                part = {name: column[rows] for name, column in columns.items()}
                for name, values in self._ask(connections, part, rows.stop - start).items():
                    outcomes[name][rows] = values
        return outcomes

    def _ask(self, connections: httpx.Client, columns: "Columns", size: int) -> "Outcomes":
        names = self._simulator.outcomes
        parameters = {name: column.tolist() for name, column in columns.items()}
        content = {"parameters": parameters, "outcomes": names}
        body = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
        answer = self._client.post(connections, body, _BYTES_BESIDES + _BYTES_PER_NUMBER * size * len(names))
        try:
            return _read(answer, names, size)
        except EvaluatorRefused as error:
            raise self._client.refusal(f"answered not as agreed: {error}") from None


def _read(answer: bytes, names: tuple[str, ...], size: int) -> "Outcomes":
    try:
        outcomes = _Answer.model_validate_json(answer).outcomes
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        start = answer[:200].decode(errors="replace")
        raise EvaluatorRefused(f"{where}: {first['msg']}; it begins with {start!r}") from None
    return checked({name: np.array(values, dtype=np.float64) for name, values in outcomes.items()}, names, size)
