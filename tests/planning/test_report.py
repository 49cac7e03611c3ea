"""Reports: what they show is there, and nothing in a plan can act in them."""

import base64
import json
import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.planning.test_plan import GOAL, INITIATIVE, plan
from voicehive.planning import PlanForecast, PlannedRoadmap, SearchTime, StrategicPlanner
from voicehive.planning.report.files import write_report
from voicehive.planning.report.markdown import plain
from voicehive.planning.report.roadmap_report import roadmap_report
from voicehive.planning.report.simulation_report import simulation_report

SPITEFUL = "<script>alert(1)</script> | [x](javascript:alert(1)) ![y](http://h/z.png) $a_b$"


class Tags(HTMLParser):
    """Collects tags with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_simulation_report_shows_the_figures_and_every_picture(tmp_path: Path) -> None:
    made = plan()
    forecast = StrategicPlanner(made).simulate({"i": 0}, samples=2_000)
    write_report(simulation_report(made, forecast), tmp_path)
    markdown = (tmp_path / "report.md").read_text()
    assert f"{100 * forecast.result.goals[0].probability.value:.1f} ±" in markdown
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", markdown)
    assert shown == ["fan-1.png", "tornado-1.png"]
    for name in shown:
        assert Image.open(tmp_path / name).size[0] >= 900
    assert PlanForecast.model_validate_json((tmp_path / "report.json").read_text()) == forecast


def test_page_holds_its_pictures_and_neither_scripts_nor_addresses(tmp_path: Path) -> None:
    made = plan(name=SPITEFUL, goals=[GOAL | {"name": SPITEFUL}], initiatives=[INITIATIVE | {"name": SPITEFUL}])
    planner = StrategicPlanner(made)
    planned = planner.compared(planner.roadmap(SearchTime(recommendation=2, front=1, scenarios=1)), samples=2_000)
    write_report(roadmap_report(made, planned), tmp_path)
    page = Tags((tmp_path / "report.html").read_text())
    assert not {"script", "a", "iframe", "link"} & {tag for tag, _ in page.tags}
    pictures = [str(attributes["src"]) for tag, attributes in page.tags if tag == "img"]
    assert len(pictures) >= 2
    for picture in pictures:
        kind, _, data = picture.partition(";base64,")
        assert kind == "data:image/png"
        Image.open(BytesIO(base64.b64decode(data))).verify()
    assert SPITEFUL in page.text
    assert PlannedRoadmap.model_validate(json.loads((tmp_path / "report.json").read_text()), strict=False) == planned


def test_markdown_cannot_be_written_by_a_name() -> None:
    assert plain("a|b\n# <c>") == r"a\|b \# \<c\>"
