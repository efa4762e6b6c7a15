"""The file of settings: who wins, and what stops the start."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from hosting.errors import SettingsInvalid
from hosting.settings.settings import Settings
from server.settings import ServerSettings
from trainer.settings import Settings as TrainerSettings

_KINDS = (Settings, ServerSettings, TrainerSettings)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("NETTAILOR_")]:
        monkeypatch.delenv(name)
    path = tmp_path / "nettailor.toml"
    path.write_text("")
    monkeypatch.setenv("NETTAILOR_CONFIG", str(path))
    return path


def test_every_service_accepts_the_keys_of_all_and_imports_none_of_them(file: Path) -> None:
    file.write_text("max_batch = 3\njob_attempts = 7\nport = 1\n")
    code = "import sys, registry.__main__ as r; print(r.Settings().port, {'server', 'trainer'} & sys.modules.keys())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert ended.stdout == "1 set()\n"
    for kind in _KINDS:
        assert kind().port == 1


def test_a_mark_at_the_beginning_is_no_part_of_it(file: Path) -> None:
    file.write_text("port = 1\n", encoding="utf-8-sig")
    assert ServerSettings().port == 1


def test_options_win_over_the_environment_and_that_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(
        'port = 1\nhost = "filed"\nbackbone = "resnet18"\nmax_batch = 3\njob_attempts = 7\n'
        'pinned_tasks = ["signs"]\ntask_weights = { signs = 2.0 }\n'
    )
    monkeypatch.setenv("NETTAILOR_PORT", "2")
    monkeypatch.setenv("NETTAILOR_HOST", "environment")
    server, trainer = ServerSettings(port=3), TrainerSettings(port=3)
    for settings in (server, trainer, Settings(port=3)):
        assert (settings.port, settings.host, settings.backbone) == (3, "environment", "resnet18")
    assert (server.max_batch, server.pinned_tasks, server.task_weights) == (3, frozenset({"signs"}), {"signs": 2.0})
    assert trainer.job_attempts == 7
    assert server.log_level == "info"


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("prot = 1", "nettailor.toml: prot: unknown; did you mean port?"),
        ("[server]\nport = 1", "nettailor.toml: server: unknown"),
        ('config = "other.toml"', "nettailor.toml: config: unknown"),
        ('port = "many"', "nettailor.toml: port: Input should be a valid integer.* not 'many'"),
        ("port = 70000", "nettailor.toml: port: Input should be less than or equal to 65535, not 70000"),
        ("port = ", "nettailor.toml: Invalid value"),
        ("\N{GREEK SMALL LETTER ALPHA}".encode("utf-16").decode("latin-1"), "nettailor.toml: Invalid"),
    ],
)
def test_what_is_wrong_is_told_with_file_key_and_reason(
    kind: type[Settings], text: str, reason: str, file: Path
) -> None:
    file.write_text(text)
    with pytest.raises(SettingsInvalid, match=reason):
        kind()


def test_a_malformed_variable_is_told_as_one_though_there_is_a_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("port = 1")
    monkeypatch.setenv("nettailor_port", "many")
    with pytest.raises(SettingsInvalid, match=r"^NETTAILOR_PORT: "):
        Settings()
    monkeypatch.delenv("nettailor_port")
    monkeypatch.setenv("NETTAILOR_TASK_WEIGHTS", "{signs")
    with pytest.raises(SettingsInvalid, match=r"^environment: .*task_weights"):
        ServerSettings()


def test_a_value_within_a_table_is_named(file: Path) -> None:
    file.write_text('task_weights = { signs = "heavy" }')
    with pytest.raises(SettingsInvalid, match=r"nettailor.toml: task_weights.signs: .*not 'heavy'"):
        ServerSettings()


def test_a_file_that_is_named_and_missing(file: Path) -> None:
    file.unlink()
    with pytest.raises(SettingsInvalid, match=r"NETTAILOR_CONFIG: there is no file .*nettailor.toml"):
        Settings()


@pytest.mark.parametrize("module", ["registry", "trainer", "trainer.worker", "server"])
def test_services_stop_at_the_start_with_one_line(module: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python runs it, but in this process."""
    file.write_text("prot = 1")
    monkeypatch.setattr(sys, "argv", [module])
    monkeypatch.delitem(sys.modules, "trainer.worker", raising=False)  # no package: it is there already
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    said = str(ended.value.code)  # Python writes it to standard error, and ends with 1
    assert said.endswith("prot: unknown; did you mean port?")
    assert len(said.splitlines()) == 1


def test_so_does_the_command(file: Path) -> None:
    file.write_text("prot = 1")
    command = [sys.executable, "-m", "cli", "up"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 1
    assert ended.stderr.rstrip().endswith("prot: unknown; did you mean port?")
    assert len(ended.stderr.splitlines()) == 1
