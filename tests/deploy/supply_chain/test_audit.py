import pytest

from deploy.supply_chain.audit import UNKNOWN, VULNERABLE, main, verdict

SOUND = {"name": "redis", "version": "8.1.0", "vulns": []}
SKIPPED = {"name": "rich", "skip_reason": "Dependency not found on PyPI"}
VULNERABLE_ONE = {"name": "pillow", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1", "2.0"]}]}


def test_sound_packages_are_a_success() -> None:
    assert verdict([SOUND]) == (0, ["no vulnerabilities known of 1 packages"])


def test_vulnerable_packages_are_named_with_the_mend() -> None:
    assert verdict([SOUND, VULNERABLE_ONE]) == (VULNERABLE, ["pillow 1.0: PYSEC-1, mended in 1.1, 2.0"])


def test_silence_is_no_success() -> None:
    """A database that cannot be reached knows of no vulnerabilities."""
    status, lines = verdict([SOUND, SKIPPED])
    assert status == UNKNOWN
    assert lines[0] == "1 of 2 packages could not be looked up: Dependency not found on PyPI"
    assert verdict([VULNERABLE_ONE, SKIPPED])[0] == UNKNOWN


def test_help_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "LOCK" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_no_success() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["no such file"])
    assert ended.value.code == UNKNOWN
