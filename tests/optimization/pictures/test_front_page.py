"""The page as a browser shows it: Debian's Chromium, from a file, with no network."""

import hashlib
import re
import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tests.optimization.results import NAMED, PARAMETERS, objectives, result
from voicehive.optimization.models import Objective, Solution
from voicehive.optimization.pictures.front_page import MOST_AXES, front_page
from voicehive.optimization.result import OptimizationResult

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
CHART = "echarts.getInstanceByDom(document.getElementById('front'))"
AXES = f"{CHART}.getModel().getComponent('parallel').coordinateSystem"
HOSTILE = "</script><b id=hurt>x</b><script>window.hurt = 1</script><img src=x onerror='window.hurt = 1'>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium: install it (apt-get install chromium) to run this test")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


class Shown:
    """A page that is open, with everything that went wrong in it."""

    def __init__(self, browser: Any, path: Path, content: str, **options: Any) -> None:
        path.write_text(content, encoding="utf-8")
        self.page = browser.new_page(**({"viewport": {"width": 1280, "height": 900}} | options))
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def table(self) -> dict[str, list[str]]:
        """The rows of the settings' table by their names."""
        rows = self.page.locator("#solution tbody tr").all()
        cells = [row.locator("th, td").all_text_contents() for row in rows]
        return {name: values for name, *values in cells}

    def option(self) -> Any:
        return self.page.evaluate(f"{CHART}.getOption()")

    def pixel(self, axis: int, x: float, y: float) -> tuple[float, float]:
        """Where a point of a scatter plot stands on the page."""
        script = f"([axis, point]) => {CHART}.convertToPixel({{gridIndex: axis}}, point)"
        left, top = self.page.evaluate(script, [axis, [x, y]])
        box = self.page.locator("#front").bounding_box()
        return box["x"] + left, box["y"] + top


def page(count: int, size: int, **changes: Any) -> str:
    return front_page(result(count, size, **changes), objectives(count), PARAMETERS, title="fleet.yaml")


def test_vendored_library_is_the_one_stated() -> None:
    assets = resources.files("voicehive").joinpath("assets")
    stated = re.search(r"ECharts (\d[\d.]+).*`([0-9a-f]{64})`", assets.joinpath("README.md").read_text())
    assert stated is not None
    content = assets.joinpath("echarts.min.js").read_bytes()
    assert hashlib.sha256(content).hexdigest() == stated[2]
    assert f'version="{stated[1]}"' in content.decode() or f'"{stated[1]}"' in content.decode()
    assert "Apache License" in assets.joinpath("echarts.LICENSE.txt").read_text()


@pytest.mark.parametrize(
    ("count", "size", "series"),
    [(2, 60, ["scatter"] * 8), (3, 100, ["scatter"] * 24), (4, 1_000, ["scatter"] * 48), (6, 300, ["parallel"] * 7)],
)
@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_front_is_drawn_at_every_width_without_a_fault(
    browser: Any, tmp_path: Path, count: int, size: int, series: list[str], width: int, scheme: str
) -> None:
    viewport = {"width": width, "height": 800}
    shown = Shown(browser, tmp_path / "p.html", page(count, size), viewport=viewport, color_scheme=scheme)
    assert shown.faults == []
    assert shown.requests == [(tmp_path / "p.html").as_uri()], "no network"
    assert [each["type"] for each in shown.option()["series"]] == series
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
    labels = shown.page.locator("#marks button").all_text_contents()
    assert labels == ["recommended", "today", "knee", "cheapest", "safest", "nearest to current"]
    dark = shown.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 23, 29)"
    assert dark == (scheme == "dark")
    colors = shown.page.evaluate(
        "[...document.querySelectorAll('#front canvas')].map(c => new Set(new Uint32Array("
        "c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size)"
    )
    assert max(colors) > 20, "not blank"


def test_marks_differ_in_shape_and_colour(browser: Any, tmp_path: Path) -> None:
    shown = Shown(browser, tmp_path / "p.html", page(2, 60))
    marked = {each["name"]: each for each in shown.option()["series"][1:-1]}
    assert len({each["symbol"] for each in marked.values()}) == len(marked) == 6
    assert len({each["itemStyle"]["color"] for each in marked.values()}) == 6
    path = shown.page.locator("#marks button", has_text="recommended").locator("path")
    assert marked["recommended"]["symbol"] == f"path://{path.get_attribute('d')}", "the legend shows the same shape"
    x, y, row = marked["recommended"]["data"][0]
    assert row == 0
    assert (x, y) == pytest.approx([result(2, 60).front[0].outcomes[name] for name in ("cost", "answer_wait_p95")])


def test_click_on_a_point_shows_its_settings(browser: Any, tmp_path: Path) -> None:
    whole = result(3, 100)
    shown = Shown(browser, tmp_path / "p.html", page(3, 100))
    assert shown.table()["agents.peak [agents]"] == [str(whole.front[0].settings["agents.peak"]), "80"]
    chosen = max(whole.front[5:], key=lambda each: each.outcomes["cost"])
    shown.page.mouse.click(*shown.pixel(0, chosen.outcomes["cost"], chosen.outcomes["answer_wait_p95"]))
    assert shown.page.locator("#solution-title").text_content() == f"Settings and outcomes: solution {chosen.index}"
    row = shown.table()
    assert row["agents.peak [agents]"][0] == str(chosen.settings["agents.peak"])
    assert row["model.tier"][0] == chosen.settings["model.tier"]
    assert row["cost [EUR] ↓"][0] == f"{chosen.outcomes['cost']:,.0f}"
    shown.page.locator("#marks button", has_text="today").click()
    assert shown.table()["callback.threshold [s]"][0] == "30.5"
    assert shown.faults == []


def test_tooltip_tells_settings_and_outcomes(browser: Any, tmp_path: Path) -> None:
    whole = result(2, 60)
    shown = Shown(browser, tmp_path / "p.html", page(2, 60))
    chosen = max(whole.front, key=lambda each: each.outcomes["cost"])
    shown.page.mouse.move(*shown.pixel(0, chosen.outcomes["cost"], chosen.outcomes["answer_wait_p95"]))
    tip = shown.page.locator(".tip")
    tip.wait_for()
    told = tip.text_content()
    assert f"solution {chosen.index}" in told
    assert f"{chosen.outcomes['cost']:,.0f}" in told
    assert f"model.tier{chosen.settings['model.tier']}" in told


def test_parallel_axes_have_their_better_side_above(browser: Any, tmp_path: Path) -> None:
    shown = Shown(browser, tmp_path / "p.html", page(6, 300))
    axes = shown.option()["parallelAxis"]
    assert [axis["inverse"] for axis in axes] == [each.direction == "minimize" for each in objectives(6)]
    heights = shown.page.evaluate(f"[0, 1e4].map(cost => {AXES}.dataToPoint(cost, 'dim0')[1])")
    assert heights[0] < heights[1], "a low cost stands above a high one"


def test_brushing_an_axis_and_choosing_a_line(browser: Any, tmp_path: Path) -> None:
    shown = Shown(browser, tmp_path / "p.html", page(6, 40))
    script = (
        f"row => {{ const line = {CHART}.getOption().series[0].data.find(each => each.row === row);"
        f"return [0, 1].map(axis => {AXES}.dataToPoint(line.value[axis], 'dim' + axis)); }}"
    )
    box = shown.page.locator("#front").bounding_box()
    (x, y), (right, lower) = shown.page.evaluate(script, 20)
    shown.page.mouse.click(box["x"] + (x + right) / 2, box["y"] + (y + lower) / 2)
    assert re.fullmatch(r"Settings and outcomes: solution \d+", shown.page.locator("#solution-title").text_content())
    shown.page.mouse.move(box["x"] + x, box["y"] + y - 30)
    shown.page.mouse.down()
    shown.page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
    shown.page.mouse.move(box["x"] + x, box["y"] + y + 30, steps=4)
    shown.page.mouse.up()
    shown.page.get_by_text(re.compile(r"^\d+ of 41 solutions lie within the brushes")).wait_for(timeout=5_000)
    assert shown.faults == []


def test_a_hundred_objectives_stay_readable_and_others_can_be_chosen(browser: Any, tmp_path: Path) -> None:
    shown = Shown(browser, tmp_path / "p.html", page(100, 1_000))
    assert len(shown.option()["parallelAxis"]) == MOST_AXES
    assert "12 of 100 objectives" in shown.page.locator("#front-note").text_content()
    shown.page.locator("#axes summary").click()
    before = [box.is_checked() for box in shown.page.locator("#axes input").all()]
    assert sum(before) == MOST_AXES
    shown.page.locator("#axes input").nth(before.index(False)).check()
    assert len(shown.option()["parallelAxis"]) == MOST_AXES + 1
    assert len([name for name in shown.table() if "region" in name]) == 96, "the table holds them all"
    assert shown.faults == []


def test_one_objective_shows_convergence_alone(browser: Any, tmp_path: Path) -> None:
    shown = Shown(browser, tmp_path / "p.html", page(1, 1))
    assert not shown.page.locator("#front-section").is_visible()
    assert shown.page.locator("#convergence canvas").is_visible()
    ranked = Shown(browser, tmp_path / "r.html", page(2, 30, convergence=()))
    assert not ranked.page.locator("#convergence-section").is_visible()
    assert shown.faults == ranked.faults == []


def test_text_from_the_document_does_no_harm(browser: Any, tmp_path: Path) -> None:
    shown = Shown(browser, tmp_path / "p.html", front_page(*hostile(), title=HOSTILE))
    assert shown.faults == []
    assert shown.page.evaluate("window.hurt") is None
    assert shown.page.locator("#hurt, img, main b, main script").count() == 0
    assert shown.page.locator("h1").text_content() == HOSTILE
    assert shown.page.title() == HOSTILE
    assert shown.table()[HOSTILE + "s"][0] == HOSTILE
    assert HOSTILE + "r" in shown.page.locator("#reasons li").all_text_contents()
    point = next(each["data"][0] for each in shown.option()["series"] if each["name"] == "recommended")
    shown.page.mouse.move(*shown.pixel(0, point[0], point[1]))
    shown.page.locator(".tip").wait_for()
    assert HOSTILE in shown.page.locator(".tip").text_content()
    assert shown.page.evaluate("window.hurt") is None


def test_nothing_but_its_own_scripts_runs(browser: Any, tmp_path: Path) -> None:
    """Even where markup from the document stood in the page, the policy would not run it."""
    broken = page(2, 20).replace("<noscript>", "<script>window.hurt = 1</script><img src=x onerror='window.hurt = 2'>")
    shown = Shown(browser, tmp_path / "p.html", broken)
    assert shown.page.evaluate("window.hurt") is None
    assert any("Content Security Policy" in fault for fault in shown.faults)
    assert shown.page.locator("#marks button").count() == 6, "its own scripts run"


def test_nothing_feasible_is_said(browser: Any, tmp_path: Path) -> None:
    violating = tuple(each.model_copy(update={"violation": 0.3}) for each in result(2, 20).front)
    shown = Shown(browser, tmp_path / "p.html", page(2, 20, front=violating, feasible=False))
    assert "Nothing is feasible" in shown.page.locator("#warning").text_content()
    assert shown.table()["violation, relative"][0] == "0.3"


def hostile() -> tuple[OptimizationResult, tuple[Objective, ...]]:
    """A result in which every text that may come from a document would like to be markup."""
    wanted = tuple(
        Objective(name=HOSTILE + str(place), direction="minimize", unit="<i>") for place, _ in enumerate(NAMED[:2])
    )

    def renamed(solution: Solution) -> Solution:
        values = list(solution.outcomes.values())
        outcomes = dict(zip((each.name for each in wanted), values, strict=False)) | {HOSTILE + "o": 1.0}
        return Solution(
            index=solution.index, settings={HOSTILE + "s": HOSTILE}, outcomes=outcomes, slacks={HOSTILE: 1.0}
        )

    whole = result(2, 20, reasons=(HOSTILE + "r",), algorithm=HOSTILE)
    changes = {"front": tuple(map(renamed, whole.front)), "current": renamed(whole.front[5])}
    alternatives = {HOSTILE + "a": 3}
    return whole.model_copy(update=changes | {"alternatives": alternatives}), wanted
