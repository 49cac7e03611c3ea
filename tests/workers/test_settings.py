"""Settings from the environment."""

from datetime import timedelta
from pathlib import Path

import pytest

from workers.errors import SettingsInvalid
from workers.settings import Settings


def test_defaults_need_no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.load()
    assert settings.data_directory == tmp_path / ".voicehive"
    assert settings.database_url == f"sqlite+aiosqlite:///{tmp_path}/.voicehive/voicehive.db"
    assert settings.task_queue == "voicehive"


def test_environment_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VOICEHIVE_DATA_DIRECTORY", "~/data")
    monkeypatch.setenv("VOICEHIVE_UI_PORT", "9000")
    monkeypatch.setenv("VOICEHIVE_TEMPORAL_CLI", "")
    settings = Settings.load()
    assert settings.data_directory == tmp_path / "data"
    assert settings.database_url.endswith("/data/voicehive.db")
    assert settings.ui_port == 9000
    assert settings.temporal_cli is None


def test_every_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEHIVE_UI_PORT", "eight")
    monkeypatch.setenv("VOICEHIVE_TEMPORAL_PORT", "70000")
    monkeypatch.setenv("VOICEHIVE_DATA_DIRECTORY", "~no-such-user/data")
    with pytest.raises(SettingsInvalid) as invalid:
        Settings.load()
    lines = str(invalid.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "VOICEHIVE_DATA_DIRECTORY",
        "VOICEHIVE_TEMPORAL_PORT",
        "VOICEHIVE_UI_PORT",
    ]


@pytest.mark.parametrize("name", ["OBSERVATIONS_KEPT", "MODEL_CHARGES_KEPT"])
def test_nothing_is_removed_that_a_run_may_still_need(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"VOICEHIVE_{name}", "P90D")
    assert getattr(Settings.load(), name.lower()) == timedelta(days=90)
    monkeypatch.setenv(f"VOICEHIVE_{name}", "P30D")
    with pytest.raises(SettingsInvalid, match=f"VOICEHIVE_{name}"):
        Settings.load()
