#!/usr/bin/env bash
# `Dataset.to_parquet` of Hugging Face Datasets writes the paths of images on this machine in place of the images.
#
# Nothing is said, and as long as the images lie where they lay, the Parquet file can be read. Without them it holds no
# picture. `save_to_disk` puts the images in.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0 Pillow==13.0.0 pyarrow==26.0.1
cd "$work"
venv/bin/python - <<'PYTHON'
import os
import shutil
import sys
from pathlib import Path

os.environ |= {"HF_HOME": str(Path("cache").absolute()), "HF_HUB_OFFLINE": "1"}

import datasets
import pyarrow
from PIL import Image

KNOWN = {
    ("to_parquet", "beside the images"): "(8, 8)",
    ("save_to_disk", "beside the images"): "(8, 8)",
    ("to_parquet", "without them"): "FileNotFoundError",
    ("save_to_disk", "without them"): "(8, 8)",
}

print("datasets", datasets.__version__, "pyarrow", pyarrow.__version__)
datasets.disable_progress_bars()
for name, red in (("cats", 50), ("dogs", 200)):
    folder = Path("pets", name)
    folder.mkdir(parents=True)
    Image.new("RGB", (8, 8), (red, 0, 0)).save(folder / "1.png")
pets = datasets.load_dataset("imagefolder", data_dir="pets", split="train")
pets.to_parquet("pets.parquet")
pets.save_to_disk("disk")

seen = {}
for saved, where in KNOWN:
    if where == "without them":
        shutil.rmtree("pets", ignore_errors=True)
    if saved == "to_parquet":
        again = datasets.load_dataset("parquet", data_files="pets.parquet", split="train")
    else:
        again = datasets.load_from_disk("disk")
    try:
        seen[saved, where] = str(again[0]["image"].size)
    except FileNotFoundError as failure:
        seen[saved, where] = type(failure).__name__
    print(f"{saved:13} {where:18}: the first image is {seen[saved, where]}")

if seen != KNOWN:
    sys.exit("the behaviour has changed")
print("as it was found")
PYTHON
