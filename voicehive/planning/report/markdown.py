"""Pieces of Markdown: texts that cannot be taken for syntax, tables, lists."""

import re
from collections.abc import Iterable, Sequence


def plain(text: str) -> str:
    """Escape what Markdown would read as syntax, and put it on one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|~!&])", r"\\\1", " ".join(text.split()))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts, which are escaped here."""
    lines = [header, ["---"] * len(header), *([plain(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def listed(items: Iterable[str]) -> str:
    """A list of texts, which are escaped here."""
    return "".join(f"- {plain(item)}\n" for item in items)
