"""The gate that every evaluator's results pass, so that what comes after may rely on their shape."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from voicehive.optimization.errors import EvaluatorRefused

if TYPE_CHECKING:
    from voicehive.optimization.evaluators.description import Outcomes


def checked(outcomes: Mapping[str, ArrayLike], names: Sequence[str], size: int) -> "Outcomes":
    """Turn what an evaluator returned into one float array (size,) for each of `names`, in their order.

    Every number that is not finite becomes NaN, the mark of a candidate to quarantine.

    Raises:
        EvaluatorRefused: an outcome is missing or was not announced, has another shape, or holds no real numbers.
    """
    try:
        returned = set(outcomes)
    except TypeError:
        raise EvaluatorRefused(
            f"the evaluator returned {type(outcomes).__name__}; it must return an array for each outcome's name"
        ) from None
    missing = [name for name in names if name not in returned]
    unknown = sorted(map(repr, returned.difference(names)))
    if missing or unknown:
        fault = f"misses {missing}" if missing else f"has {', '.join(unknown)} besides"
        raise EvaluatorRefused(f"the evaluator's result {fault}; it must hold exactly the outcomes {list(names)}")
    numbers = np.array([_checked(name, outcomes[name], size) for name in names], dtype=np.float64)
    finite = np.isfinite(numbers)
    if not finite.all():
        numbers[~finite] = np.nan
    return dict(zip(names, numbers, strict=True))


def _checked(name: str, values: ArrayLike, size: int) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise EvaluatorRefused(f"outcome {name!r} is no array of numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        raise EvaluatorRefused(f"outcome {name!r} holds values of type {array.dtype}; they must be real numbers")
    if array.shape != (size,):
        raise EvaluatorRefused(
            f"outcome {name!r} has shape {array.shape}; for {size} candidates it must be one number each, ({size},)"
        )
    return array
