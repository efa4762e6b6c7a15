"""From bytes to the network's input; the one implementation, so that training and serving agree (torch-free)."""

from nettailor.images.decode import MAX_PIXELS, Header, decode, pixel_count, read_header, value_span
from nettailor.images.picture import Picture
from nettailor.images.prepare import normalise, prepare
from nettailor.images.unread import unread_picture
from nettailor.images.value_range import Span, common_range

__all__ = [
    "MAX_PIXELS",
    "Header",
    "Picture",
    "Span",
    "common_range",
    "decode",
    "normalise",
    "pixel_count",
    "prepare",
    "read_header",
    "unread_picture",
    "value_span",
]
