import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from tests.optimization.results import result
from voicehive.optimization.documents.result_files import METADATA, read_parquet, write_parquet, write_result
from voicehive.optimization.errors import InvalidData
from voicehive.optimization.models import Solution
from voicehive.optimization.result import Conflict, OptimizationResult, Relaxation


def test_parquet_gives_an_equal_result_back(tmp_path: Path) -> None:
    whole = result(4, 50, quarantined=3, weight_intervals={"cost": (0.1, 0.4)}, correlations=((1.0, -0.5), (-0.5, 1.0)))
    write_parquet(whole, tmp_path / "r.parquet")
    assert read_parquet(tmp_path / "r.parquet") == whole
    assert read_parquet(tmp_path / "r.parquet").content_digest() == whole.content_digest(), "types as well as values"


def test_infeasible_result_survives_with_its_conflict(tmp_path: Path) -> None:
    broken = tuple(
        solution.model_copy(update={"violation": 0.2, "slacks": {"cost at most 5": -1.5}})
        for solution in result(2, 9).front
    )
    conflict = Conflict(
        constraints=("cost at most 5", "agents.peak >= 90"),
        proven=True,
        relaxations=(Relaxation(constraint="cost at most 5", by=1.5),),
        solution=broken[0],
    )
    whole = result(2, 9, front=broken, feasible=False, conflict=conflict)
    write_parquet(whole, tmp_path / "r.parquet")
    assert read_parquet(tmp_path / "r.parquet") == whole


def test_columns_are_typed_for_foreign_readers(tmp_path: Path) -> None:
    write_parquet(result(3, 20), tmp_path / "r.parquet")
    table = parquet.read_table(tmp_path / "r.parquet")
    types = {name: str(table.schema.field(name).type) for name in table.column_names}
    assert types["setting.agents.peak"] == "int64"
    assert types["setting.callback.threshold"] == "double"
    assert types["setting.model.tier"] == "string"
    assert types["setting.recording"] == "bool"
    assert types["outcome.cost"] == types["slack.callback_share at most 0.15"] == types["violation"] == "double"
    assert table.num_rows == 20
    assert table.column("outcome.quality").to_pylist() == [each.outcomes["quality"] for each in result(3, 20).front]
    rest = json.loads(table.schema.metadata[METADATA])
    assert rest["algorithm"] == "NSGA-II"
    assert "front" not in rest


@given(
    st.lists(
        st.fixed_dictionaries(
            {"a.b": st.integers(-(2**63), 2**63 - 1), "ä [x]": st.text(st.characters(exclude_categories=["Cs"]))},
            optional={"sometimes": st.floats(allow_nan=False, allow_infinity=False)},
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_settings_survive(tmp_path_factory: pytest.TempPathFactory, settings: list[dict[str, int | str]]) -> None:
    path = tmp_path_factory.mktemp("any") / "r.parquet"
    outcomes = result(1, 1).front[0].outcomes
    front = tuple(Solution(index=row, settings=dict(each), outcomes=outcomes) for row, each in enumerate(settings))
    whole = result(1, 1, front=front, alternatives={})
    write_parquet(whole, path)
    assert read_parquet(path) == whole


def test_numbers_of_two_types_become_floats(tmp_path: Path) -> None:
    first, second, *_ = result(2, 5).front
    mixed = (first.model_copy(update={"settings": {"x": 1}}), second.model_copy(update={"settings": {"x": 0.5}}))
    write_parquet(result(2, 2, front=mixed), tmp_path / "r.parquet")
    assert [each.settings["x"] for each in read_parquet(tmp_path / "r.parquet").front] == [1.0, 0.5]
    strange = (mixed[0], second.model_copy(update={"settings": {"x": "one"}}))
    with pytest.raises(ValueError, match="'x' is of several kinds"):
        write_parquet(result(2, 2, front=strange), tmp_path / "r.parquet")


def test_json_is_the_models_own(tmp_path: Path) -> None:
    write_result(result(3, 20), tmp_path / "r.json")
    assert OptimizationResult.model_validate_json((tmp_path / "r.json").read_bytes()) == result(3, 20)
    with pytest.raises(ValueError, match="json or"):
        write_result(result(3, 20), tmp_path / "r.txt")


def test_files_that_hold_no_result_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    path.write_bytes(b"not parquet at all")
    with pytest.raises(InvalidData, match="no Parquet file"):
        read_parquet(path)
    parquet.write_table(pa.table({"index": [1]}), path)
    with pytest.raises(InvalidData, match="metadata"):
        read_parquet(path)
    write_parquet(result(2, 9), path)
    table = parquet.read_table(path)
    parquet.write_table(table.drop_columns(["violation"]), path)
    with pytest.raises(InvalidData, match="does not fit"):
        read_parquet(path)
