"""Amounts as whole numbers, for solvers that know no others, rounded so that nothing is let in that breaks a limit."""

from collections.abc import Sequence

import numpy as np

_SCALES = (1.0, 10.0, 100.0, 1_000.0, 10_000.0)
_FINEST = 1e6


def whole_amounts(weights: Sequence[float], limit: float) -> tuple[list[int], int]:
    """Multiply a row and its limit by the least power of ten, up to 10,000, that makes all whole.

    Where none does, the greatest becomes a million, the weights are rounded up and the limit down.
    """
    row = np.asarray(weights, dtype=np.float64)
    for scale in _SCALES:
        scaled = np.append(row, limit) * scale
        if np.abs(scaled - np.round(scaled)).max() < 1e-9 * scale:
            whole = np.round(scaled).astype(np.int64).tolist()
            return whole[:-1], whole[-1]
    scale = _FINEST / max(1e-12, float(np.abs(row).max(initial=0.0)), abs(limit))
    return np.ceil(row * scale - 1e-9).astype(np.int64).tolist(), int(np.floor(limit * scale + 1e-9))
