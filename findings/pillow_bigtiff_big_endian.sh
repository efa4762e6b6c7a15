#!/usr/bin/env bash
# Pillow reads little-endian BigTIFF files, and says that it cannot identify big-endian ones.
#
# It looks for BigTIFF's version number in the third byte of the file, whatever the byte order: in a big-endian file it
# is the fourth.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check Pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
cd "$work"
venv/bin/python - <<'PYTHON'
import io
import sys
import warnings

import numpy as np
import PIL
import tifffile
from PIL import Image, UnidentifiedImageError

KNOWN = {("<", False): True, (">", False): True, ("<", True): True, (">", True): "UnidentifiedImageError"}

print("Pillow", PIL.__version__, "tifffile", tifffile.__version__)
warnings.simplefilter("ignore")  # "Corrupt EXIF data", before it is refused
samples = np.arange(60, dtype=np.uint8).reshape(6, 10)
seen = {}
for order, big in KNOWN:
    file = io.BytesIO()
    tifffile.imwrite(file, samples, photometric="minisblack", byteorder=order, bigtiff=big)
    assert np.array_equal(tifffile.imread(io.BytesIO(file.getvalue())), samples)
    try:
        seen[order, big] = np.array_equal(np.asarray(Image.open(file)), samples)
    except UnidentifiedImageError as failure:
        seen[order, big] = type(failure).__name__
    kind = "BigTIFF" if big else "TIFF"
    endian = "little" if order == "<" else "big"
    print(f"{kind:7} {endian:6} endian: starts with {file.getvalue()[:4]}, {seen[order, big]}")

if seen != KNOWN:
    sys.exit("the behaviour has changed")
print("as it was found")
PYTHON
