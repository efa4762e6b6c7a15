"""Patterns find what the standard library finds, and never take longer than their length times the text's."""

import re
import time

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from trainer.pattern import Pattern, PatternInvalid

ATOMS = st.sampled_from(
    ["a", "b", "_", ".", r"\d", r"\w", "[ab]", "[^a]", "[a-c0-9_]", r"\.", "(a)", "(a|b_)", "(?:ab|a)"]
)
QUANTIFIERS = st.sampled_from(["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{1,}", "{0,2}?"])
SEQUENCES = st.lists(st.tuples(ATOMS, QUANTIFIERS).map("".join), min_size=1, max_size=5).map("".join)
PATTERNS = st.tuples(st.sampled_from(["", "^"]), st.lists(SEQUENCES, min_size=1, max_size=3).map("|".join)).map("".join)


@settings(max_examples=500)
@given(source=PATTERNS, text=st.text("abc_1.", max_size=20))
def test_it_finds_what_the_standard_library_finds(source: str, text: str) -> None:
    try:
        pattern = Pattern(source)
    except PatternInvalid as fault:
        if "too large" in str(fault):  # many letters of any script
            reject()
        raise
    found, true = pattern.search(text), re.search(source, text)
    assert (found is None) == (true is None)
    if found is not None and true is not None:
        assert (found.text, found.groups) == (true[0], true.groups())


@pytest.mark.parametrize(
    ("source", "text", "groups"),
    [
        (r"(\w+)_frame", "train/cat/video7_frame0012.png", ("video7",)),
        (r"(\w+)_frame", "train/hérisson_frame0012.png", ("hérisson",)),
        (r"([\w-]+)/\d", "train/été-1/2.png", ("été-1",)),
        (r"(\W)", "été/2", ("/",)),
        (r"([]\w]+)", "-]é", ("]é",)),
        (r"([[:alpha:]\d]+)", "-a٣", ("a٣",)),
        (r"(\D)(\d)", "٣a٣", ("a", "٣")),
        (r"\\(w)", r"\w", ("w",)),
        (r"^(?P<group>.*)/\d+\.png$", "a/b/12.png", ("a/b",)),
        (r"p(\d{3})(?:_(\w))?", "x/p123.png", ("123", None)),
        (r"(\d+)-(\d+)", "x/7-8-9.png", ("7", "8")),
        ("(ä|ö)+", "äöä", ("ä",)),
        ("([]^-])", "a-b", ("-",)),
    ],
)
def test_groups(source: str, text: str, groups: tuple[str | None, ...]) -> None:
    found = Pattern(source).search(text)
    assert found is not None
    assert found.groups == groups


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("a" * 201, "longer than 200"),
        ("(a", r"missing \)"),
        ("a)", r"unexpected \)"),
        ("[a", r"missing \]"),
        ("a\\", "trailing"),
        ("*a", "no argument for repetition"),
        ("a{1,9999}", "repetition size"),
        ("((a{50}){50}){50}", "repetition size"),
        (r"\w{900}", "too large"),
        (r"(a)\1", "escape sequence"),
        ("(?=a)", "perl operator"),
        ("[z-a]", "class range"),
        ("\udce9", "not UTF-8"),
    ],
)
def test_what_it_does_not_know_it_refuses(source: str, reason: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PatternInvalid, match=reason):
        Pattern(source)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("source", ["(a+)+$", "(a|a)+$", "(.+)(.+)(.+)(.+)b", "a?" * 20 + "a" * 20 + "$"])
def test_its_cost_is_bounded(source: str) -> None:
    """Where backtracking would take ages."""
    pattern = Pattern(source)
    began = time.process_time()
    pattern.search("a" * 10_000 + "c")
    assert time.process_time() - began < 1.0


@settings(max_examples=300)
@given(source=st.text("ab(|)[]^$*+?{},1\\dw.-:", max_size=30))
def test_any_text_is_a_pattern_or_not(source: str) -> None:
    try:
        pattern = Pattern(source)
    except PatternInvalid:
        return
    pattern.search("ab1ab")
