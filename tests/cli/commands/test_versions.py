"""`nettailor registry`, as a user types it, against a real registry over HTTP."""

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from registry.registry import Registry
from tests.chains import link_bytes
from tests.registry.published import publish_evaluated, publish_packed

_COMMANDS = (
    *("versions", "compare", "front", "history", "show", "promote", "rollback", "tag", "note", "policy"),
    *("pull", "push"),
)


def _invoke(url: str, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["registry", *arguments, "--url", url])


def _run(url: str, *arguments: str) -> str:
    result = _invoke(url, *arguments)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_explains_itself_within_80_columns(command: str) -> None:
    result = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["registry", command, "--help"])
    assert max(map(len, result.output.splitlines())) <= 80
    assert "Usage: " in result.output


def test_versions(url: str) -> None:
    text = _run(url, "versions", "signs")
    for shown in ("90.0%*", "70.0%*", "* as the uploaded bundle claims", "50.0%", "live"):
        assert shown in text


def test_promote_and_rollback(url: str, registry: Registry) -> None:
    assert _run(url, "promote", "signs", "2", "--expected", "1") == "signs@live is version 2 (was 1)\n"
    assert _run(url, "promote", "signs", "1", "--alias", "stable") == "signs@stable is version 1 (was none)\n"
    assert _run(url, "rollback", "signs", "--reason", "worse") == "signs@live is version 1 (was 2)\n"
    assert registry.task("signs").aliases == {"live": 1, "stable": 1}


def test_a_refused_promote_is_one_line_with_the_evidence(url: str, registry: Registry) -> None:
    assert "80.00%" in _run(url, "policy", "signs", "--min-accuracy", "0.8", "--max-drop", "0.005", "--max-macs", "0.9")
    result = _invoke(url, "promote", "signs", "2")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    for shown in (
        "409",
        "test accuracy 70.00%, as its bundle claims, at least 80.00% required",
        "against 90.00% of live version 1, 0.50% less allowed",
    ):
        assert shown in line
    assert "max_macs" not in line  # it passed
    assert "say why" in _invoke(url, "promote", "signs", "2", "--force").stderr
    forced = _run(url, "promote", "signs", "2", "--force", "--reason", "the old one leaks")
    assert forced == "signs@live is version 2 (was 1), forced past the policy\n"
    text = _run(url, "history", "signs")
    for shown in ("forced past min_accuracy, max_drop", "the old one leaks", "max_drop 0.50%", "version 2 published"):
        assert shown in text


def test_policies_are_shown_replaced_and_cleared(url: str) -> None:
    assert "no policy" in _run(url, "policy", "signs")
    assert "90.00%" in _run(url, "policy", "signs", "--min-accuracy", "0.9")
    replaced = _run(url, "policy", "signs", "--max-macs", "0.5")
    assert "50.00%" in replaced
    assert "90.00%" not in replaced
    assert "no policy" in _run(url, "policy", "signs", "--clear", "--reason", "over")
    assert _invoke(url, "policy", "signs", "--clear", "--max-macs", "1").exit_code == 2


def test_tags_notes_and_what_they_find(url: str) -> None:
    assert _run(url, "tag", "signs", "2", "stage=qa", "who=me") == "stage=qa who=me\n"
    assert _run(url, "tag", "signs", "2", "--remove", "who") == "stage=qa\n"
    assert _run(url, "note", "signs", "2", "a [good] one") == "signs version 2: a [good] one\n"
    found = _run(url, "versions", "signs", "--tag", "stage=qa")
    assert "a [good] one" in found
    assert "90.00%" not in found
    assert "version 2: stage=qa; note: a [good] one" in _run(url, "history", "signs")
    refused = _invoke(url, "tag", "signs", "2", "stage")
    assert (refused.exit_code, "NAME=TEXT" in refused.stderr) == (1, True)


def test_show_tells_the_lineage(url: str, registry: Registry) -> None:
    text = _run(url, "show", "signs", "1")
    record = registry.version_record("signs", 1)
    for digest in (record.digest, record.manifest.dataset, f"sha256:{record.manifest.backbone.fingerprint}"):
        assert digest.removeprefix("sha256:")[:12] in text
    assert "to now" in text
    assert "numpy" in text
    assert "never" in _run(url, "show", "signs", "2")


def test_compare(url: str, registry: Registry) -> None:
    publish_evaluated(registry, [True] * 14 + [False] * 6, [False] * 2 + [True] * 15 + [False] * 3)
    text = _run(url, "compare", "signs", "--versions", "3, 4")
    answers, costs = ([line for line in part.splitlines() if line.split()[0] in "34"] for part in text.split("\n\n"))
    assert "70% [48, 85]" in answers[0]
    assert "75% [" in answers[1]
    assert "+5.0 [-15.0, +25.0]" in answers[1]
    for line, milliseconds in zip(costs, ("3.00", "4.00"), strict=True):
        for shown in ("0.00 M", milliseconds, "CPU, 2 threads"):
            assert shown in line
    below = registry.publish("birds", link_bytes("birds"), actor="me")
    packed = publish_packed(registry, [True] * 12 + [False] * 8, after=below.digest)
    text = _run(url, "compare", "signs", "--versions", f"3,{packed.version}")
    answers, costs = ([line for line in part.splitlines() if line.split()[0] in "35"] for part in text.split("\n\n"))
    assert "-10.0 [" in answers[1]
    for shown in (f"{packed.manifest.complexity.params / 1e6:.2f} M", "7.00", "CPU, 2 threads"):
        assert shown in costs[1]
    refused = _invoke(url, "compare", "signs", "--versions", "1,3")
    assert (refused.exit_code, "version 1 of task 'signs' cannot be compared" in refused.stderr) == (1, True)
    for malformed in ("1,live", "", "1,,2"):
        assert _invoke(url, "compare", "signs", "--versions", malformed).exit_code == 2
