import warnings
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageColor

from tests.optimization.results import objectives, result
from voicehive.optimization.models import Objective
from voicehive.optimization.pictures.front_image import front_image
from voicehive.optimization.pictures.front_view import marks


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(content)).convert("RGB")).astype(int)


def share_near(image: np.ndarray, color: str) -> float:
    distance = np.abs(image - np.array(ImageColor.getrgb(color))).max(axis=2)
    return float((distance <= 12).mean())


@pytest.mark.parametrize(("count", "size"), [(2, 60), (3, 100), (4, 1_000), (5, 300), (100, 300)])
def test_every_mark_is_in_the_picture_in_its_own_colour(count: int, size: int) -> None:
    whole = result(count, size)
    image = pixels(front_image(whole, objectives(count), title="fleet.yaml"))
    assert image.shape[1] == 1_200
    assert image.shape[0] > 600
    for mark in marks(whole):
        assert share_near(image, mark.appearance.color) > 1e-4, mark.label


def test_only_what_is_marked_has_its_colour() -> None:
    whole = result(2, 60)
    green = marks(whole)[2].appearance.color
    without = front_image(whole.model_copy(update={"alternatives": {}, "current": None}), objectives(2), title="x")
    assert (
        share_near(pixels(without), green) < share_near(pixels(front_image(whole, objectives(2), title="x")), green) / 4
    )


def test_one_objective_shows_its_convergence_or_says_that_nothing_was_searched() -> None:
    drawn = pixels(front_image(result(1, 1), objectives(1), title="x"))
    assert share_near(drawn, "#d55e00") > 1e-3
    said = pixels(front_image(result(1, 1, convergence=()), objectives(1), title="x"))
    assert 1e-3 < float((said.min(axis=2) < 128).mean()) < 0.2, "text on white"


def test_names_are_taken_literally() -> None:
    names = ("$cost", "$\\frac{1}$", "<b>_x^2", "a" * 300)
    hostile = tuple(Objective(name=name, direction="minimize") for name in names)
    rename = dict(zip((each.name for each in objectives(4)), names, strict=True))
    whole = result(4, 30)
    front = tuple(
        each.model_copy(update={"outcomes": {rename[n]: v for n, v in each.outcomes.items() if n in rename}})
        for each in whole.front
    )
    image = front_image(whole.model_copy(update={"front": front, "current": None}), hostile, title="$$\\bad{")
    assert pixels(image).shape[1] == 1_200


def test_flat_fronts_and_equal_results_draw_without_complaint() -> None:
    whole = result(5, 20)
    flat = tuple(each.model_copy(update={"outcomes": whole.front[0].outcomes}) for each in whole.front)
    same = whole.model_copy(update={"front": flat, "current": None})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = front_image(same, objectives(5), title="x")
    assert first == front_image(same, objectives(5), title="x")
