"""How far k answers of the reasoner to the same question agree, as a part of confidence."""

from collections import Counter
from collections.abc import Hashable, Sequence


def observed_agreement(answers: Sequence[Hashable]) -> float:
    """The share of pairs of answers that are equal, in [0, 1]: the extent of agreement P_i of Fleiss 1971, equation 2.

    Unbiased, whatever k, for the chance that two further answers agree. Raises ValueError for fewer than two answers.
    """
    count = len(answers)
    if count < 2:
        raise ValueError(f"answers: agreement takes at least two, got {count}; draw more samples")
    return sum(same * (same - 1) for same in Counter(answers).values()) / (count * (count - 1))
