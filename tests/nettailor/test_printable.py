import pytest

from nettailor.printable import printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größe 猫 🐈 [f] \\n", "größe 猫 🐈 [f] \\n"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\x1b[2J\x9b1A\x07\x00\x7f", "\\x1b[2J\\x9b1A\\x07\\x00\\x7f"),
        ("a\u202egnp\u2028\u2069", "a\\u202egnp\\u2028\\u2069"),
        ("caf\udce9 \ud83d", "caf\\xe9 \\ud83d"),
    ],
)
def test_one_line_that_moves_no_cursor(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_stay_where_they_are_meant() -> None:
    assert printable_lines("a\n\tb\r\n\x1b[1Ac") == "a\n\tb\\r\n\\x1b[1Ac"
