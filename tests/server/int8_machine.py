"""What a test needs that computes in 8 bits."""

import pytest

from server.kernels.int8 import why_not

_REASON = why_not()

needs_int8 = pytest.mark.skipif(_REASON is not None, reason=f"int8 is not possible here: {_REASON}")
