"""Numbers as people read them."""


def figure(value: float) -> str:
    """Whole and grouped from a thousand up, four significant digits below."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
