from pathlib import Path

import pytest

from hosting.errors import SettingsInvalid
from hosting.settings.settings import Settings


def test_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NETTAILOR_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("NETTAILOR_PORT", "9000")
    settings = Settings()
    assert settings.port == 9000
    assert settings.blobs_location == str(tmp_path / "blobs")
    monkeypatch.setenv("NETTAILOR_BLOBS_URL", "s3://bucket/x")
    assert Settings().blobs_location == "s3://bucket/x"


def test_malformed_settings_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETTAILOR_PORT", "many")
    with pytest.raises(SettingsInvalid, match=r"NETTAILOR_PORT: .*integer.* not 'many'"):
        Settings()
