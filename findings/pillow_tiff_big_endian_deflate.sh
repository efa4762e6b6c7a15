#!/usr/bin/env bash
# Pillow turns the bytes of samples round in big-endian TIFF files that are deflated, of signed integers and of
# fractions.
#
# The same samples are right in files that are not compressed, or little-endian, and unsigned 16-bit integers always
# are. (On a little-endian machine, as nearly all are.)
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

KNOWN = {
    (kind, order, compression): order == "<" or compression is None or kind == "uint16"
    for kind in ("int16", "int32", "float32", "uint16")
    for order in "<>"
    for compression in (None, "zlib")
}

print("Pillow", PIL.__version__, "tifffile", tifffile.__version__, "on a", sys.byteorder, "endian machine")
seen = {}
for kind, order, compression in KNOWN:
    samples = np.arange(1, 61).reshape(6, 10).astype(kind)
    file = io.BytesIO()
    tifffile.imwrite(file, samples, photometric="minisblack", byteorder=order, compression=compression)
    read = np.asarray(Image.open(file))
    seen[kind, order, compression] = np.array_equal(read, samples)
    endian = "little" if order == "<" else "big"
    print(f"{kind:8} {endian:7} {compression or 'uncompressed':13}: 1 2 3 is read as", *read[0, :3])

if seen != KNOWN:
    sys.exit("the behaviour has changed")
print("as it was found")
PYTHON
