#!/usr/bin/env bash
# pillow-heif loses the orientation of a picture that is saved with Pillow's EXIF object. As bytes the same EXIF keeps
# it.
#
# The picture then lies on its side, and its EXIF says that it is upright.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check Pillow==13.0.0 pillow-heif==1.8.1
cd "$work"
venv/bin/python - <<'PYTHON'
import io
import sys

import PIL
import pillow_heif
from PIL import Image

KNOWN = {"object": (64, 48), "bytes": (48, 64)}

print("Pillow", PIL.__version__, "pillow-heif", pillow_heif.__version__)
pillow_heif.register_heif_opener()
exif = Image.Exif()
exif[0x0112] = 6  # to be turned by 90 degrees
seen = {}
for name, passed in (("object", exif), ("bytes", exif.tobytes())):
    file = io.BytesIO()
    Image.new("RGB", (64, 48)).save(file, "HEIF", exif=passed)
    image = Image.open(file)
    seen[name] = image.size
    read = image.getexif().get(0x0112)
    print(f"EXIF as {name:6}: 64 x 48 with orientation 6 is read as {image.size}, orientation {read}")

if seen != KNOWN:
    sys.exit("the behaviour has changed")
print("as it was found")
PYTHON
