"""What docs/api.md says of fronts is what jobs have."""

import re
from pathlib import Path

from tests.trainer.publishing.points import point
from trainer.workers.front import with_candidate

_PAGE = (Path(__file__).parents[2] / "docs/api.md").read_text()


def _words(text: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", text))


def test_the_front_of_a_result() -> None:
    section = _PAGE.split("\n#### The front\n")[1].split("\n#### ")[0]
    assert section.lstrip().startswith("`result.front` ")
    named = [_words(line.split(" | ")[0]) for line in section.splitlines() if line.startswith("| `")]
    assert set().union(*named) == set(point("0" * 64, 6, 0.9).row())


def test_the_front_so_far() -> None:
    (members,) = re.findall(r'`\{("k", [^}]*)\}`\.', _PAGE)
    (row,) = with_candidate([], {"k": 6, "best": 6})
    assert set(re.findall(r'"(\w+)"', members)) == set(row)
