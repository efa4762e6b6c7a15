#!/usr/bin/env bash
# Pillow reads an uncompressed TIFF of 16-bit RGB that is stored plane by plane as noise, and raises nothing.
#
# The same picture is right when it is deflated, or when its samples are interleaved. In Pillow 16-bit colours become
# 8-bit ones, so what is right is the upper byte of every sample.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check Pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
cd "$work"
venv/bin/python - <<'PYTHON'
import io
import sys

import numpy as np
import PIL
import tifffile
from PIL import Image

KNOWN = {("separate", None): False, ("separate", "zlib"): True, ("contig", None): True, ("contig", "zlib"): True}

print("Pillow", PIL.__version__, "tifffile", tifffile.__version__)
ramp = np.arange(0, 60_000, 1000, dtype=np.uint16).reshape(6, 10)
rgb = np.stack([ramp, ramp[::-1], ramp[:, ::-1]], axis=-1)
seen = {}
for planes, compression in KNOWN:
    file = io.BytesIO()
    samples = rgb if planes == "contig" else np.moveaxis(rgb, -1, 0)
    tifffile.imwrite(file, samples, photometric="rgb", planarconfig=planes, compression=compression)
    read = np.asarray(Image.open(file))
    seen[planes, compression] = np.array_equal(read, rgb >> 8)
    print(f"{planes:9} {compression or 'uncompressed':13} first row, red:", *read[0, :, 0])
print(f"{'right':23} first row, red:", *(rgb >> 8)[0, :, 0])

if seen != KNOWN:
    sys.exit("the behaviour has changed")
print("as it was found")
PYTHON
