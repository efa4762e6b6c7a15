"""Text out of chunks of bytes, which end anywhere."""

import codecs
from collections.abc import AsyncIterator


async def text_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    async for chunk in chunks:
        if text := decoder.decode(chunk):
            yield text


async def lines_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Without their ends. A last line that has none is left out: it may be cut off."""
    rest = ""
    async for text in text_of(chunks):
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            yield line.removesuffix("\r")
