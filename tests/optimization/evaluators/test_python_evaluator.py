"""Installed evaluators, found as Python finds them: by the metadata of a distribution on the path."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from voicehive.optimization.errors import EvaluatorFailed, EvaluatorRefused
from voicehive.optimization.evaluators.checked_outcomes import checked
from voicehive.optimization.evaluators.python_evaluator import PythonEvaluator
from voicehive.optimization.evaluators.python_function import PythonFunction

MODULE = """
import numpy as np

class Linear:
    def __init__(self, options):
        self.slope = options["slope"]
    def evaluate(self, columns):
        return {"cost": self.slope * columns["x"], "count": np.arange(len(columns["x"]))}

def plain(options):
    return lambda columns: {"cost": columns["x"] + 1.0, "count": columns["x"] > 0}

def thief(options):
    def evaluate(columns):
        columns["x"][:] = 0.0
    return evaluate

def typo(options):
    return lambda columns: {"cots": columns["x"], "count": columns["x"]}

def nothing(options):
    return None
"""
DECLARED = """[voicehive.evaluators]
linear = measured_world_evaluators:Linear
plain = measured_world_evaluators:plain
thief = measured_world_evaluators:thief
typo = measured_world_evaluators:typo
nothing = measured_world_evaluators:nothing
absent = measured_world_evaluators:absent
"""
X = np.array([-1.0, 0.0, 2.0])


def install(folder: Path, name: str, declared: str) -> None:
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(declared)


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "measured_world", DECLARED)
    (tmp_path / "measured_world_evaluators.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)


def evaluator(entry_point: str, **options: Any) -> PythonEvaluator:
    return PythonEvaluator(
        PythonFunction(kind="python", entry_point=entry_point, outcomes=("cost", "count"), options=options)
    )


def test_an_installed_object_is_made_with_its_options_and_evaluates():
    outcomes = evaluator("linear", slope=3).evaluate({"x": X})
    assert {name: column.tolist() for name, column in outcomes.items()} == {"cost": [-3, 0, 6], "count": [0, 1, 2]}
    assert all(column.dtype == np.float64 for column in outcomes.values())


def test_a_plain_function_evaluates_too():
    assert evaluator("plain").evaluate({"x": X})["count"].tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("entry_point", "message"),
    [
        ("linaer", "'linaer' is not installed; did you mean 'linear'.*installed are absent, linear, nothing, plain"),
        ("os:system", "'os:system' is not installed"),
        ("absent", "cannot be imported from 'measured_world_evaluators:absent'"),
        ("linear", "'linear' does not accept evaluator.options: KeyError: 'slope'"),
        ("nothing", "made NoneType"),
    ],
)
def test_refused_before_anything_is_evaluated(entry_point: str, message: str):
    with pytest.raises(EvaluatorRefused, match=message):
        evaluator(entry_point)


def test_a_name_declared_twice_is_refused(tmp_path: Path):
    install(tmp_path, "other_world", "[voicehive.evaluators]\nlinear = other:Linear\n")
    with pytest.raises(EvaluatorRefused, match="declared twice, by measured_world_evaluators:Linear and other:Linear"):
        evaluator("linear", slope=1)


def test_candidates_cannot_be_changed_by_the_function():
    given = X.copy()
    with pytest.raises(EvaluatorFailed, match="'thief' failed: ValueError: assignment destination is read-only"):
        evaluator("thief").evaluate({"x": given})
    assert (given == X).all()
    given[0] = 5.0  # and stays writeable for its owner


def test_a_result_of_other_outcomes_is_refused():
    with pytest.raises(EvaluatorRefused, match=r"'typo': the evaluator's result misses \['cost'\]"):
        evaluator("typo").evaluate({"x": X})


@pytest.mark.parametrize(
    ("outcomes", "message"),
    [
        ({"a": X, "b": X}, r"has 'b' besides; it must hold exactly the outcomes \['a'\]"),
        ({}, r"misses \['a'\]"),
        ({"a": X[:2]}, r"'a' has shape \(2,\); for 3 candidates"),
        ({"a": X[:, None]}, r"'a' has shape \(3, 1\)"),
        ({"a": 1.0}, r"'a' has shape \(\)"),
        ({"a": ["1", "2", "3"]}, "'a' holds values of type <U1"),
        ({"a": [1.0, None, 2.0]}, "'a' holds values of type object"),
        ({"a": X * 1j}, "'a' holds values of type complex128"),
        ({"a": [[1.0], 2.0, 3.0]}, "'a' is no array of numbers"),
        (None, "the evaluator returned NoneType"),
    ],
)
def test_outcomes_of_another_shape_or_type_are_refused(outcomes: Any, message: str):
    with pytest.raises(EvaluatorRefused, match=message):
        checked(outcomes, ["a"], 3)


def test_checked_outcomes_stand_in_order_and_are_finite_or_nan():
    outcomes = checked({"b": [1, 2], "a": np.array([np.inf, np.nan])}, ["a", "b"], 2)
    assert list(outcomes) == ["a", "b"]
    assert [math.isnan(value) for value in outcomes["a"]] == [True, True]
    assert outcomes["b"].tolist() == [1.0, 2.0]


def test_the_description_survives_json_and_its_options_may_move():
    function = PythonFunction(kind="python", entry_point="linear", outcomes=("cost",), options={"slope": [1, None]})
    assert PythonFunction.model_validate_json(function.model_dump_json()) == function
    assert function.structure() == function.model_copy(update={"options": {}}).structure()
    with pytest.raises(ValidationError, match="outcome 'cost' is named twice"):
        PythonFunction(kind="python", entry_point="linear", outcomes=("cost", "cost"))
