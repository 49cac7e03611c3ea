from datetime import UTC, datetime

import pytest

from voicehive.planning.errors import SeriesUnusable
from voicehive.planning.goals import CsvSource
from voicehive.planning.tracking.csv_series import read_csv_series

SOURCE = CsvSource(kind="csv", path="metrics.csv", time_column="when", value_column="service level")


def read(folder, text, source=SOURCE):
    (folder / "metrics.csv").write_bytes(text.encode("utf-8"))
    return read_csv_series(source, "service_level", folder)


def test_points_come_as_the_rows_do(tmp_path):
    text = '\ufeffwhen,"service level",other\r\n2026-01-02T00:00:00+01:00, 0.85,"a\r\nb"\r\n2026-01-01T00:00:00Z,,x\r\n'
    points = read(tmp_path, text)
    assert [(point.at.astimezone(UTC), point.value) for point in points] == [
        (datetime(2026, 1, 1, 23, tzinfo=UTC), 0.85),
        (datetime(2026, 1, 1, tzinfo=UTC), None),
    ]
    assert read(tmp_path, "when,service level\n2026-01-01T00:00:00Z,NaN\n")[0].value is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("when,level\n", "row 1: has no column 'service level'; there are: when, level"),
        ("", "row 1: has no column 'when'; there are: none"),
        ("when,service level\n2026-01-01T00:00:00Z,1\nsoon,2\n", "row 3, column when: 'soon'"),
        ("when,service level\n2026-01-01,1\n", "row 2, column when: '2026-01-01' is no moment with its offset"),
        ("when,service level\n2026-01-01T00:00:00Z,many\n", "row 2, column service level: 'many' is no number"),
        ("when,service level\n2026-01-01T00:00:00Z\nx\n", "row 3, column when"),
    ],
)
def test_what_is_wrong_is_named_by_row_and_column(tmp_path, text, said):
    with pytest.raises(SeriesUnusable) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)


def test_only_files_of_the_folder_are_read(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "metrics.csv").write_text("when,service level\n")
    for path in ("../metrics.csv", "/etc/hostname"):
        with pytest.raises(SeriesUnusable, match="outside the folder"):
            read_csv_series(SOURCE.model_copy(update={"path": path}), "service_level", tmp_path / "inside")
    with pytest.raises(SeriesUnusable, match="cannot be read"):
        read_csv_series(SOURCE, "service_level", tmp_path / "inside")
