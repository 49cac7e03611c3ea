"""`voicehive metric` as a shell runs it: readings are kept, shown, and refused with the line that is wrong."""

from pathlib import Path

import pytest

from tests.cli.command import Command
from voicehive.cli.exit_codes import ExitCode

SERIES = "answer_time"


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command({"VOICEHIVE_DATABASE_URL": f"sqlite:///{tmp_path / 'store.db'}"})


async def test_what_is_put_is_shown(command: Command, tmp_path: Path) -> None:
    table = tmp_path / "readings.csv"
    table.write_text("time,value\n2026-11-24T12:01:00Z,21.5\n2026-11-24T13:00:00+01:00,20\n")
    kept = await command("metric", "put", SERIES, "--file", table, "--json")
    assert (kept.code, kept.document["kept"]) == (0, 2)
    assert (await command("metric", "put", SERIES, "22", "--at", "2026-11-24T12:02:00Z")).code == 0
    shown = await command("metric", "show", SERIES, "--json")
    assert [(each["time"], each["value"]) for each in shown.document["readings"]] == [
        ("2026-11-24T12:00:00+00:00", 20.0),
        ("2026-11-24T12:01:00+00:00", 21.5),
        ("2026-11-24T12:02:00+00:00", 22.0),
    ]
    other = await command("metric", "show", SERIES, "--tenant", "other")
    assert "has no readings of answer_time" in other.stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "time,value\n2026-11-24T12:00:00Z,20\n2026-11-24T12:01:00,20\n",
            "line 3: 2026-11-24T12:01:00 has no time zone",
        ),
        ("time,value\n2026-11-24T12:00:00Z,nan\n", "line 2: 'nan' is no finite number"),
        ("time,seconds\n2026-11-24T12:00:00Z,20\n", "there is no column value"),
        ("time,value\n", "holds no readings"),
    ],
)
async def test_a_faulty_file_keeps_nothing(command: Command, tmp_path: Path, content: str, message: str) -> None:
    table = tmp_path / "readings.csv"
    table.write_text(content)
    refused = await command("metric", "put", SERIES, "--file", table)
    assert refused.code == ExitCode.BAD_INPUT
    assert message in " ".join(refused.stderr.split())
    assert "has no readings" in (await command("metric", "show", SERIES)).stdout
