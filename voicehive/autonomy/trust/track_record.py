"""How well decisions of one kind went so far, as a part of confidence."""

from scipy.special import betaincinv


def track_record(right: float, wrong: float, certainty: float = 0.95) -> float:
    """The rate of right decisions that is exceeded with the given certainty, in [0, 1].

    The lower quantile of the Beta posterior under Jeffreys' prior, Beta(right + 1/2, wrong + 1/2) (Brown, Cai and
    DasGupta 2001). `right` and `wrong` may be sums of (1 - loss) and loss. Without a record it is near 0: 0.0015.
    Raises ValueError for a negative count.
    """
    if right < 0 or wrong < 0:
        raise ValueError(f"right, wrong: counts cannot be negative, got {right} and {wrong}")
    return float(betaincinv(right + 0.5, wrong + 0.5, 1 - certainty))
