import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.optimization.problems import EXAMPLES, example, small
from voicehive.optimization.documents.problem_file import numeric_columns, read_problem
from voicehive.optimization.documents.yaml_document import parse_yaml
from voicehive.optimization.errors import InvalidData

PROBLEMS = EXAMPLES.parent / "problems"


def written(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    as_json = read_problem(written(tmp_path / "p.json", json.dumps(small())))
    # Unquoted times of day are a trap of YAML 1.1, where 18:30 is the number 1110.
    as_yaml = read_problem(written(tmp_path / "p.yaml", yaml.safe_dump(small()).replace("'", "")))
    assert "18:30" in (tmp_path / "p.yaml").read_text()
    assert as_yaml == as_json
    assert as_yaml.content_digest() == as_json.content_digest()


def test_decision_request_is_read_for_its_problem() -> None:
    assert read_problem(EXAMPLES / "capacity.json") == example("capacity.json")


def test_every_example_is_valid() -> None:
    for path in sorted(PROBLEMS.glob("*.yaml")):
        assert read_problem(path).evaluator.has_data, path
    assert len(list(PROBLEMS.glob("*.yaml"))) >= 2


def test_table_with_named_objectives() -> None:
    problem = read_problem(
        PROBLEMS / "vendors.csv", minimize=["cost_per_minute"], maximize=["containment"], label="vendor"
    )
    assert [(each.name, each.direction) for each in problem.objectives] == [
        ("cost_per_minute", "minimize"),
        ("containment", "maximize"),
    ]
    assert problem.parameters == ()
    assert "uptime" in problem.evaluator.outcome_names
    assert numeric_columns(PROBLEMS / "vendors.csv")[0] == "cost_per_minute"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("p.yaml", "objectives: [", "line 1, column 14"),
        ("p.yaml", "a: &x [1]\nb: *x\n", "anchors"),
        ("p.yaml", "seed: 1\nseed: 2\n", "'seed' is given twice"),
        ("p.yaml", "- 1\n- 2\n", "holds no problem"),
        ("p.yaml", "? [a]\n: 1\n", "a key is no text"),
        ("p.yaml", "a: " + "[" * 5_000, "not YAML"),
        ("p.yaml", "a: !!python/object:os.system x\n", "not YAML"),
        ("p.json", "{", "not JSON"),
        ("p.json", "[" * 100_000, "not JSON"),
        ("p.json", '{"a": NaN}', "not JSON"),
        ("p.json", '{"objectives": []}', "objectives: "),
        ("p.yml", "objectives: []", "evaluator: "),
        ("p.toml", "", "no known kind"),
    ],
)
def test_unusable_files_are_told_in_one_error(tmp_path: Path, name: str, content: str, said: str) -> None:
    with pytest.raises(InvalidData, match=name) as caught:
        read_problem(written(tmp_path / name, content))
    assert said in str(caught.value)


def test_fields_are_named_by_their_paths(tmp_path: Path) -> None:
    content = small()
    content["parameters"][1]["current"] = "many"
    content["objectives"][0]["weight"] = -1
    with pytest.raises(InvalidData) as caught:
        read_problem(written(tmp_path / "p.json", json.dumps(content)))
    assert "parameters.1" in str(caught.value)
    assert "objectives.0.weight" in str(caught.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"constraints": [{"formula": "region == 'usa' or n > 1"}]},
        {"constraints": [{"formula": "not region in ['eu', 'usa']"}]},
        {"evaluator": {"kind": "formula", "outcomes": {"cost": "n if 'usa' != region else 1"}}},
    ],
)
def test_a_category_that_there_is_not_is_named(tmp_path: Path, changed: dict[str, Any]) -> None:
    content: dict[str, Any] = {
        "parameters": [
            {"name": "region", "kind": "categorical", "choices": ["eu", "us", "ap"], "current": "eu"},
            {"name": "n", "kind": "integer", "low": 0, "high": 9, "current": 1},
        ],
        "objectives": [{"name": "cost", "direction": "minimize"}],
        "evaluator": {"kind": "formula", "outcomes": {"cost": "n + (1 if region in ['us', 'ap'] else 0)"}},
        "constraints": [{"formula": "region != 'us'"}],
    }
    assert read_problem(written(tmp_path / "p.json", json.dumps(content)))
    with pytest.raises(InvalidData, match="'usa' is no choice of 'region'; did you mean 'us'"):
        read_problem(written(tmp_path / "p.json", json.dumps(content | changed)))


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"absent\.yaml: cannot be read"):
        read_problem(tmp_path / "absent.yaml")
    with pytest.raises(InvalidData, match=r"absent\.csv"):
        read_problem(tmp_path / "absent.csv", minimize=["a"])


def test_objectives_of_a_table_are_checked(tmp_path: Path) -> None:
    table = written(tmp_path / "t.csv", "name,a,b\nx,1,2\ny,2,1\n")
    with pytest.raises(InvalidData, match="columns of numbers are: a, b"):
        read_problem(table)
    with pytest.raises(InvalidData, match="'c' is no column of numbers; there are: a, b"):
        read_problem(table, minimize=["c"])
    with pytest.raises(InvalidData, match="'name' is no column of numbers"):
        read_problem(table, maximize=["name"])
    with pytest.raises(InvalidData, match="'a' is given twice"):
        read_problem(table, minimize=["a"], maximize=["a"])
    with pytest.raises(InvalidData, match="names its objectives itself"):
        read_problem(PROBLEMS / "fleet.yaml", minimize=["cost"])


def test_yaml_numbers_are_those_of_the_core_schema() -> None:
    content = b"[010, 1e3, .5, -7, 1_000, 0x10, yes, true, null, 2026-11-24, 18:30, ~, '1']"
    expected = [10, 1000.0, 0.5, -7, "1_000", "0x10", "yes", True, None, "2026-11-24", "18:30", None, "1"]
    found = parse_yaml(content, "x")
    assert found == expected
    assert [type(each) for each in found] == [type(each) for each in expected]


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc_.", min_size=1), inner, max_size=4),
    max_leaves=12,
))  # fmt: skip
def test_json_read_as_yaml_is_the_same(content: object) -> None:
    assert parse_yaml(json.dumps(content, ensure_ascii=False).encode(), "x") == content


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(InvalidData):
        parse_yaml(content, "x")
