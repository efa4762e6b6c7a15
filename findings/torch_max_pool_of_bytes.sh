#!/usr/bin/env bash
# PyTorch pools channels-last images of bytes only if they have at most 127 pixels: it counts them in 8 bits.
#
# `max_pool2d` takes uint8 and int8 where the number of pixels fits into int8, and refuses them ("Expected
# input_depth * input_height * input_width <= ...") where they do not; float32, and bytes in the other memory format, of
# any size.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cd "$work"
cat > pool.py <<'PYTHON'
import sys

import torch
from torch.nn import functional as F

KNOWN = {
    ("uint8", torch.channels_last, 11): True,
    ("uint8", torch.channels_last, 12): False,
    ("int8", torch.channels_last, 11): True,
    ("int8", torch.channels_last, 12): False,
    ("uint8", torch.contiguous_format, 16): True,
    ("float32", torch.channels_last, 16): True,
}

print("torch", torch.__version__)
seen = {}
for dtype, layout, side in KNOWN:
    image = torch.ones(1, 4, side, side, dtype=getattr(torch, dtype)).contiguous(memory_format=layout)
    try:
        F.max_pool2d(image, 3, 2, 1)
        seen[dtype, layout, side] = True
    except RuntimeError as refused:
        seen[dtype, layout, side] = False
        print("  ", str(refused).splitlines()[0])
    print(f"{dtype} image of 4 x {side} x {side}, {layout}: {'pooled' if seen[dtype, layout, side] else 'refused'}")

if seen != KNOWN:
    sys.exit("the behaviour has changed")
print("as it was found")
PYTHON
venv/bin/python pool.py
