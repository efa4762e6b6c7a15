from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("My Birds!", "'my-birds' would do"),
        ("-x", "'x' would do"),
        ("a" * 64, f"{'a' * 63!r} would do"),
        ("a\n", "'a' would do"),
        ("鳥", "the first a letter or a digit"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_in_words_before_anything_is_read(
    tmp_path: Path, name: str, said: str
) -> None:
    result = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["tailor", str(tmp_path / "not-there"), "--task", name])
    assert result.exit_code == 2
    assert "cannot name a task" in result.stderr
    assert said in result.stderr
