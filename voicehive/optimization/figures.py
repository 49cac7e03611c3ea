"""Numbers as people read them."""


def counted(count: int, noun: str) -> str:
    """A count with its noun, which takes an s unless there is one of it."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def figure(value: float) -> str:
    """Whole and grouped from a thousand up, four significant digits below."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
