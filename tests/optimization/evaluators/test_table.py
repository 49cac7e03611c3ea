"""Measured candidates: files by pyarrow, rows as candidates, exact look-ups, refusals."""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

import base64
import json
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv, parquet
from pydantic import ValidationError

from voicehive.optimization import MultiObjectiveOptimizer, Problem
from voicehive.optimization.documents.problem_file import read_problem
from voicehive.optimization.errors import InvalidData
from voicehive.optimization.evaluators.column import PackedNumbers, kind_of_column
from voicehive.optimization.evaluators.column_arrays import array_of, column_of
from voicehive.optimization.evaluators.column_file import read_columns
from voicehive.optimization.evaluators.table import Table
from voicehive.optimization.evaluators.table_evaluator import TableEvaluator
from voicehive.optimization.parameter import Parameter

CSV = """name,agents,tier,night,cost,quality
north,3,economy,true,10.5,0.9
south,5,premium,false,20,
east,4,economy,false,15,0.7
"""
PARAMETERS = (
    Parameter(name="agents", kind="integer", low=0, high=9, current=4),
    Parameter(name="tier", kind="categorical", choices=("economy", "premium"), current="economy"),
    Parameter(name="night", kind="boolean", current=False),
)

type_of_file = pytest.mark.parametrize("suffix", [".csv", ".parquet"])


def written(folder: Path, suffix: str, table: pa.Table) -> Path:
    """A file that pyarrow itself has written."""
    path = folder / f"measured{suffix}"
    if suffix == ".csv":
        csv.write_csv(table, path)
    else:
        parquet.write_table(table, path)
    return path


def measured(tmp_path: Path, text: str = CSV, label: str | None = "name") -> Table:
    """A table read from a CSV file."""
    (tmp_path / "measured.csv").write_text(text, encoding="utf-8")
    return Table(kind="table", file="measured.csv", label=label).with_data(tmp_path)


def columns_of(**settings: list[Any]) -> dict[str, Any]:
    """Settings as an optimiser gives them."""
    return {
        name: np.array(values, dtype=object if isinstance(values[0], str) else None)
        for name, values in settings.items()
    }


class TestFiles:
    @type_of_file
    def test_what_pyarrow_wrote_is_read(self, tmp_path: Path, suffix: str):
        table = pa.table(
            {
                "whole": pa.array([1, None, 3]),
                "real": pa.array([0.1, 2.5, None]),
                "text": ["a", "b", "ä"],
                "whole truth": [True, False, True],
                "truth": pa.array([True, None, False]),
                "nothing": pa.array([None, None, None], pa.float64()),
                "day": pa.array(["2026-11-24", "2026-11-25", None]).cast(pa.date32()),
            }
        )
        arrays = read_columns(written(tmp_path, suffix, table))
        assert list(arrays) == table.column_names
        np.testing.assert_array_equal(arrays["whole"], [1.0, np.nan, 3.0])
        np.testing.assert_array_equal(arrays["real"], [0.1, 2.5, np.nan])
        assert arrays["text"].tolist() == ["a", "b", "ä"]
        assert (arrays["whole truth"].dtype, arrays["whole truth"].tolist()) == (np.bool_, [True, False, True])
        assert arrays["truth"].tolist() == [True, None, False]
        assert np.isnan(arrays["nothing"]).all()
        assert arrays["day"].tolist() == ["2026-11-24", "2026-11-25", None]

    @type_of_file
    def test_both_kinds_of_file_make_the_same_table(self, tmp_path: Path, suffix: str):
        (tmp_path / "by_hand.csv").write_text(CSV, encoding="utf-8")
        file = written(tmp_path, suffix, csv.read_csv(tmp_path / "by_hand.csv")).name
        table = Table(kind="table", file=file, label="name").with_data(tmp_path)
        assert table.content_digest() == measured(tmp_path).content_digest()
        assert table.with_data(tmp_path) is table

    def test_a_decimal_after_many_whole_numbers_is_still_a_number(self, tmp_path: Path):
        path = tmp_path / "long.csv"
        path.write_text("cost\n" + "1\n" * 800_000 + "2.5\n")
        assert read_columns(path)["cost"][-1] == 2.5

    def test_labels_that_look_like_numbers_stay_as_they_are(self, tmp_path: Path):
        table = measured(tmp_path, "site,cost\n007,1\n008,2\n", label="site")
        assert table.columns["site"] == ("007", "008")
        assert table.outcome_names == ("cost",)

    def test_dictionaries_and_decimals_of_parquet_are_texts_and_numbers(self, tmp_path: Path):
        table = pa.table(
            {
                "tier": pa.array(["a", "b", "a"]).dictionary_encode(),
                "price": pa.array(["1.25", None, "3.50"]).cast(pa.decimal128(9, 2)),
            }
        )
        arrays = read_columns(written(tmp_path, ".parquet", table))
        assert arrays["tier"].tolist() == ["a", "b", "a"]
        np.testing.assert_array_equal(arrays["price"], [1.25, np.nan, 3.5])

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "measured.csv: cannot be read .*Empty CSV"),
            (b"cost,quality\n", "measured.csv: holds no rows"),
            (b"cost,cost\n1,2\n", "'cost' as the name of two columns"),
            (b"cost;quality\n1;2\n", "separated by semicolons"),
            (b"cost,quality\n1,2\n3\n", "cannot be read .*Expected 2 columns, got 1"),
            (b"cost,quality\n1,2\n3,4\n12x,5\n", "column 'cost', row 3: holds '12x'"),
            (b"cost\n1\ninf\n", "column 'cost', row 2: is infinite"),
            (b"cost,name\n1,\xff\xfe\n", "column 'name': holds text that is not UTF-8"),
            (b"cost\n9007199254740993\n", "column 'cost': holds a number that no double represents"),
        ],
    )
    def test_a_bad_csv_is_refused_with_its_place(self, tmp_path: Path, content: bytes, message: str):
        (tmp_path / "measured.csv").write_bytes(content)
        with pytest.raises(InvalidData, match=message):
            Table(kind="table", file="measured.csv").with_data(tmp_path)

    def test_a_bad_parquet_file_is_refused(self, tmp_path: Path):
        (tmp_path / "damaged.parquet").write_bytes(b"PAR1 not really")
        nested = written(tmp_path, ".parquet", pa.table({"waits": [[1.0], [2.0, 3.0]]}))
        with pytest.raises(InvalidData, match=r"damaged\.parquet: cannot be read"):
            read_columns(tmp_path / "damaged.parquet")
        with pytest.raises(InvalidData, match="column 'waits': holds values of type list"):
            read_columns(nested)

    def test_missing_files_and_other_kinds_are_refused(self, tmp_path: Path):
        (tmp_path / "measured.xlsx").write_bytes(b"PK")
        with pytest.raises(InvalidData, match=r"absent\.csv: cannot be read"):
            read_columns(tmp_path / "absent.csv")
        with pytest.raises(InvalidData, match=r"neither \.csv nor \.parquet"):
            read_columns(tmp_path / "measured.xlsx")

    def test_an_unread_file_has_no_outcomes_yet(self):
        table = Table(kind="table", file="measured.csv")
        assert (table.has_data, table.outcome_names) == (False, ())
        table.check_parameters(PARAMETERS)
        with pytest.raises(InvalidData, match="call with_data"):
            TableEvaluator(table, PARAMETERS)


class TestColumns:
    @given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=1))
    def test_numbers_survive_both_ways(self, numbers: list[float | None]):
        packed = PackedNumbers(
            float64=base64.b64encode(
                b"".join(struct.pack("<d", float("nan") if n is None else n) for n in numbers)
            ).decode()
        )
        plain = tuple(numbers)
        assert len(packed) == len(numbers)
        np.testing.assert_array_equal(array_of(packed), array_of(plain))
        np.testing.assert_array_equal(array_of(column_of(array_of(packed))), array_of(plain))

    def test_long_columns_are_packed_and_mean_the_same(self):
        numbers = np.random.default_rng(1).random(501)
        column = column_of(numbers)
        assert isinstance(column, PackedNumbers)
        assert kind_of_column(column) == "number"
        np.testing.assert_array_equal(array_of(column), numbers)
        table = Table(kind="table", columns={"cost": column})
        again = Table.model_validate_json(table.model_dump_json())
        assert (again, again.rows, again.content_digest()) == (table, 501, table.content_digest())

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({}, "exactly one of columns"),
            ({"a": [1, 2], "b": [1]}, "columns differ in length: {'a': 2, 'b': 1}"),
            ({"a": []}, "hold no rows"),
            ({"a": [1, "x"]}, r"columns.a.number.1\n.*valid number"),
            ({"a": [1, True]}, r"columns.a.number.1\n.*valid number"),
            ({"a": ["x", 1]}, r"columns.a.text.1\n.*valid string"),
            ({"a": [True, 1]}, r"columns.a.boolean.1\n.*valid boolean"),
            ({"a": "text"}, r"columns.a.number\n.*valid tuple|valid array"),
            ({"a": {"float64": "?"}}, "is not base64"),
            ({"a": {"float64": "AAAA"}}, "holds 3 bytes"),
            ({"": [1]}, "at least 1 character"),
        ],
    )
    def test_bad_columns_are_refused(self, columns: dict[str, Any], message: str):
        with pytest.raises(ValidationError, match=message):
            Table.model_validate_json(json.dumps({"kind": "table", "columns": columns}))

    def test_one_wrong_cell_is_one_error(self):
        text = json.dumps({"kind": "table", "columns": {"a": [1, *["x"] * 1000]}})
        with pytest.raises(ValidationError) as refusal:
            Table.model_validate_json(text)
        assert refusal.value.error_count() == 1

    def test_the_label_is_a_column(self):
        with pytest.raises(ValidationError, match="label 'site' is not a column"):
            Table(kind="table", columns={"cost": (1.0,)}, label="site")


class TestEvaluator:
    def test_rows_are_candidates_with_their_outcomes(self, tmp_path: Path):
        settings, outcomes, labels = TableEvaluator(measured(tmp_path), PARAMETERS).rows()
        assert settings["agents"].dtype.kind == "i"
        assert {name: values.tolist() for name, values in settings.items()} == {
            "agents": [3, 5, 4],
            "tier": ["economy", "premium", "economy"],
            "night": [True, False, False],
        }
        np.testing.assert_array_equal(outcomes["cost"], [10.5, 20.0, 15.0])
        np.testing.assert_array_equal(outcomes["quality"], [0.9, np.nan, 0.7])
        assert labels is not None
        assert labels.tolist() == ["north", "south", "east"]

    def test_a_setting_is_looked_up_exactly(self, tmp_path: Path):
        table = measured(tmp_path)
        columns = columns_of(agents=[4, 4, 3], tier=["economy", "premium", "economy"], night=[False, False, True])
        outcomes = TableEvaluator(table, PARAMETERS).evaluate(columns)
        assert tuple(outcomes) == table.outcome_names == ("agents", "cost", "quality")
        np.testing.assert_array_equal(outcomes["cost"], [15.0, np.nan, 10.5])
        np.testing.assert_array_equal(outcomes["quality"], [0.7, np.nan, 0.9])

    def test_rows_that_may_not_be_chosen_now_are_no_candidates(self, tmp_path: Path):
        near = PARAMETERS[0].model_copy(update={"maximum_change": 1.0})
        steady = PARAMETERS[2].model_copy(update={"maximum_change": 0.0})
        economy = PARAMETERS[1].model_copy(update={"choices": ("economy",)})
        few = PARAMETERS[0].model_copy(update={"high": 4.0})
        cases = ((few,), [3, 4]), ((near,), [3, 5, 4]), ((near, steady), [5, 4]), ((near, economy, steady), [4])
        for parameters, left in cases:
            settings, outcomes, _ = TableEvaluator(measured(tmp_path), parameters).rows()
            assert settings["agents"].tolist() == left == outcomes["agents"].tolist()

    def test_fixed_parameters_need_no_column(self, tmp_path: Path):
        parameters = (PARAMETERS[0], Parameter(name="region", kind="fixed", current="west"))
        table = measured(tmp_path)
        table.check_parameters(parameters)
        evaluator = TableEvaluator(table, parameters)
        assert evaluator.rows().settings["region"].tolist() == ["west"] * 3
        np.testing.assert_array_equal(evaluator.evaluate(evaluator.rows().settings)["cost"], [10.5, 20.0, 15.0])

    @pytest.mark.parametrize(
        ("labels", "said"),
        [((7.0, 8.0, 9.5), ("7", "8", "9.5")), ((True, False), ("True", "False")), (("a", "b"), ("a", "b"))],
    )
    def test_labels_of_any_kind_become_texts(self, labels: tuple[Any, ...], said: tuple[str, ...]):
        columns = {"id": labels, "cost": tuple(float(place) for place in range(len(labels)))}
        document = {
            "objectives": [{"name": "cost", "direction": "maximize"}],
            "evaluator": {"kind": "table", "columns": columns, "label": "id"},
        }
        result = MultiObjectiveOptimizer(Problem.model_validate_json(json.dumps(document))).optimize()
        assert result.recommendation.settings == {"id": said[-1]}
        assert result.evaluations == len(labels)

    def test_whole_numbers_of_parquet_are_labels_too(self, tmp_path: Path):
        parquet.write_table(pa.table({"id": pa.array([7, 8]), "cost": [2.0, 1.0]}), tmp_path / "m.parquet")
        problem = read_problem(tmp_path / "m.parquet", minimize=["cost"], label="id")
        assert MultiObjectiveOptimizer(problem).optimize().recommendation.settings == {"id": "8"}

    def test_without_parameters_rows_go_by_label_or_number(self, tmp_path: Path):
        table = measured(tmp_path)
        table.check_parameters(())
        named = TableEvaluator(table, ())
        assert named.rows().settings["name"].tolist() == ["north", "south", "east"]
        np.testing.assert_array_equal(named.evaluate(columns_of(name=["east", "west"]))["cost"], [15.0, np.nan])
        numbered = TableEvaluator(measured(tmp_path, label=None), ())
        assert numbered.rows().settings["row"].tolist() == [1, 2, 3]
        np.testing.assert_array_equal(numbered.evaluate(columns_of(row=[2, 4]))["cost"], [20.0, np.nan])

    @given(st.data())
    def test_it_finds_what_a_plain_search_finds(self, data: st.DataObject):
        keys = st.tuples(st.integers(0, 9), st.sampled_from("ab"), st.booleans())
        rows = data.draw(st.lists(keys, min_size=1, max_size=30, unique=True))
        asked = data.draw(st.lists(keys, min_size=1, max_size=30))
        agents, tiers, nights = zip(*rows, strict=True)
        table = Table(
            kind="table",
            columns={"agents": agents, "tier": tiers, "night": nights, "cost": tuple(map(float, range(len(rows))))},
        )
        parameters = (
            PARAMETERS[0],
            Parameter(name="tier", kind="categorical", choices=("a", "b"), current="a"),
            PARAMETERS[2],
        )
        wanted = [float(rows.index(key)) if key in rows else np.nan for key in asked]
        agents, tiers, nights = zip(*asked, strict=True)
        columns = columns_of(agents=list(agents), tier=list(tiers), night=list(nights))
        np.testing.assert_array_equal(TableEvaluator(table, parameters).evaluate(columns)["cost"], wanted)

    @pytest.mark.parametrize(
        ("text", "parameters", "message"),
        [
            (CSV, [Parameter(name="agnets", kind="boolean", current=True)], "'agnets' is not a column; there are"),
            (CSV, [Parameter(name="tier", kind="boolean", current=True)], "must hold booleans, not texts"),
            (CSV, [PARAMETERS[1].model_copy(update={"name": "cost"})], "must hold texts, not numbers"),
            (CSV.replace("east,4", "east,4.5"), PARAMETERS[:1], "'agents': row 3 holds 4.5, which is not whole"),
            (CSV.replace("east,4", "east,"), PARAMETERS[:1], "'agents': row 3 of its column is empty"),
            (CSV.replace("premium", ""), PARAMETERS[1:2], "'tier': row 2 of its column is empty"),
            (CSV.replace("premium,false", "premium,"), PARAMETERS[2:], "'night': row 2 of its column is empty"),
            (CSV, PARAMETERS[1:2], r"rows 1 and 3 of the table have the same settings \(tier 'economy'\)"),
            (CSV.replace("east", "north"), [], r"rows 1 and 3 .* \(name 'north'\)"),
            (CSV.replace("east", ""), [], "label 'name': row 3 of its column is empty"),
        ],
    )
    def test_unfit_rows_are_refused(self, tmp_path: Path, text: str, parameters: list[Parameter], message: str):
        table = measured(tmp_path, text)

        def use() -> None:
            table.check_parameters(parameters)
            TableEvaluator(table, parameters)

        with pytest.raises(ValueError, match=message):
            use()

    def test_structure_outlives_the_data(self, tmp_path: Path):
        assert measured(tmp_path).structure() == measured(tmp_path, CSV.replace("10.5", "11")).structure()
        assert measured(tmp_path).structure() != measured(tmp_path, CSV.replace("cost", "price")).structure()


def fastest(work: Callable[[], object]) -> float:
    """The shortest of three runs, in seconds of processor time: the least disturbed by the rest of this machine."""
    times: list[float] = []
    for _ in range(3):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


@type_of_file
def test_a_hundred_thousand_rows_are_candidates_in_a_fraction_of_a_second(tmp_path: Path, suffix: str):
    rng = np.random.default_rng(1)
    table = pa.table({"agents": np.arange(100_000)} | {f"outcome {index}": rng.random(100_000) for index in range(9)})
    file = written(tmp_path, suffix, table).name
    parameters = (Parameter(name="agents", kind="integer", low=0, high=100_000, current=4),)

    def load() -> None:
        description = Table(kind="table", file=file).with_data(tmp_path)
        description.check_parameters(parameters)
        assert len(TableEvaluator(description, parameters).rows().outcomes["outcome 8"]) == 100_000

    assert fastest(load) < 1.0, "0.1 to 0.2 s on an idle core"
