"""Writes a report into a folder: report.md with its pictures, report.html and report.json."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from voicehive.model import Model
from voicehive.planning.report.page import page


class Report(NamedTuple):
    """A report's Markdown, the pictures (PNG) that it shows by their files' names, and what it tells of."""

    title: str
    markdown: str
    pictures: Mapping[str, bytes]
    content: Model


def write_report(report: Report, folder: Path) -> tuple[Path, ...]:
    """Write all files into a folder, which is made where it is missing; returns their paths, the report first.

    Raises:
        OSError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    html = page(report.title, report.markdown, {name: _data(picture) for name, picture in report.pictures.items()})
    files = {
        "report.md": report.markdown.encode(),
        "report.html": html.encode(),
        "report.json": (report.content.model_dump_json(indent=2) + "\n").encode(),
        **report.pictures,
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return tuple(folder / name for name in files)


def _data(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"
