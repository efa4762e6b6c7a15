"""The composed form is the standard library's, for whatever anybody writes."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from nettailor.normal_form import nfc

# Letters that compose with what follows, marks of several classes, all three letters of Hangul, and ordinary text.
SIGNS = st.sampled_from(
    "aAoÅé1 /\n" + "\u0301\u0316\u0323\u0327\u0345" + "\u1100\u1161\u11a8\uac00" + "\u09c7\u09be漢字😀"
)


@given(text=st.text(st.one_of(SIGNS, st.characters(codec="utf-8")), max_size=300))
def test_it_is_what_the_standard_library_says(text: str) -> None:
    assert nfc(text) == unicodedata.normalize("NFC", text)


@given(words=st.lists(st.text(SIGNS, max_size=40), max_size=20))
def test_long_texts_of_words_too(words: list[str]) -> None:
    text = " ".join(words)
    assert nfc(text) == unicodedata.normalize("NFC", text)


def test_a_letter_with_far_too_many_marks_keeps_them_all() -> None:
    text = "a" + "\u0301\u0316" * 500
    assert sorted(nfc(text)) == sorted(unicodedata.normalize("NFC", text))
