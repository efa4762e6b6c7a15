"""The mark of tests that need oneDNN."""

import pytest

from server.kernels.convolution import OneDnnKernel

needs_onednn = pytest.mark.skipif(not OneDnnKernel.available(), reason="this build of PyTorch has no oneDNN")
