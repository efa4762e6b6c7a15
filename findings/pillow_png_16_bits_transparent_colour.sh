#!/usr/bin/env bash
# In a 16-bit PNG with one transparent colour (tRNS), Pillow makes other pixels transparent than those of that colour.
#
# It keeps the upper byte of every sample, and compares that with all 16 bits of the transparent colour: what has the
# colour stays opaque, and what has its lower byte as the upper one vanishes.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check Pillow==13.0.0 pypng==0.20220715.0 numpy==2.4.6
cd "$work"
venv/bin/python - <<'PYTHON'
import io
import sys

import numpy as np
import PIL
import png
from PIL import Image

KNOWN = {"transparent": 255, "lower byte as the upper one": 0, "another": 255}

print("Pillow", PIL.__version__, "pypng", png.__version__)
colours = {"transparent": 0x0064, "lower byte as the upper one": 0x6400, "another": 0xFFFF}
row = np.repeat(np.array(list(colours.values()), np.uint16), 3)
file = io.BytesIO()
png.Writer(3, 1, greyscale=False, bitdepth=16, transparent=(0x0064,) * 3).write(file, [row])

_, _, rows, _ = png.Reader(bytes=file.getvalue()).asRGBA()
right = dict(zip(colours, next(iter(rows))[3::4], strict=True))
alpha = np.asarray(Image.open(file).convert("RGBA"))[0, :, 3]
seen = dict(zip(colours, map(int, alpha), strict=True))
for name, colour in colours.items():
    print(f"grey {colour:#06x} ({name}): opacity by pypng {right[name] / 65535:.0%}, by Pillow {seen[name] / 255:.0%}")
assert right == {"transparent": 0, "lower byte as the upper one": 65535, "another": 65535}

if seen != KNOWN:
    sys.exit("the behaviour has changed")
print("as it was found")
PYTHON
