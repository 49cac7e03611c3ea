"""A roadmap as a Gantt chart in Mermaid's text, which Markdown viewers draw (https://mermaid.js.org/syntax/gantt.html)."""

import re
from collections import defaultdict

from voicehive.planning.roadmap.result import ScheduledInitiative, StrategicRoadmap


def mermaid_gantt(roadmap: StrategicRoadmap, title: str) -> str:
    """Write a fenced block: what decides the finish is marked critical; what takes no time is a milestone."""
    sections: dict[str, list[str]] = defaultdict(list)
    for number, one in enumerate(roadmap.items):
        section = "In all scenarios" if one.in_all_scenarios else "Recommended"
        sections[section].append(f"    {_plain(one.name)} :{_bar(one, number)}")
    lines = ["```mermaid", "gantt", f"    title {_plain(title)}", "    dateFormat YYYY-MM-DD", "    axisFormat %b %Y"]
    for section in sorted(sections):
        lines += [f"    section {section}", *sections[section]]
    return "\n".join([*lines, "```", ""])


def _bar(one: ScheduledInitiative, number: int) -> str:
    tags = ["crit"] if one.critical else []
    if one.finish == one.start:
        return ", ".join([*tags, "milestone", f"task{number}", one.starts_on.isoformat(), "0d"])
    return ", ".join([*tags, f"task{number}", one.starts_on.isoformat(), one.ends_before.isoformat()])


def _plain(text: str) -> str:
    """Take out what Mermaid would read as syntax: colons, semicolons, hashes, back ticks and line breaks."""
    return re.sub(r"\s+", " ", re.sub(r"[:;#,`\r\n]", " ", text)).strip() or "untitled"
