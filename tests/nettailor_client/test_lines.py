import asyncio
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from nettailor_client.lines import lines_of, text_of

_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"))


async def _cut(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


@given(st.lists(_TEXTS), st.integers(1, 7), st.sampled_from(["\n", "\r\n"]))
def test_lines_are_whole_wherever_chunks_end(lines: list[str], size: int, end: str) -> None:
    async def read() -> list[str]:
        return [line async for line in lines_of(_cut("".join(line + end for line in lines).encode(), size))]

    assert asyncio.run(read()) == lines


def test_what_may_be_cut_off_is_no_line_but_is_text() -> None:
    async def read() -> tuple[list[str], str]:
        data = "ä\nrest".encode()
        texts = [text async for text in text_of(_cut(data, 1))]
        return [line async for line in lines_of(_cut(data, 1))], "".join(texts)

    assert asyncio.run(read()) == (["ä"], "ä\nrest")
