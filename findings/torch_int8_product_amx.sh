#!/usr/bin/env bash
# On processors with AMX, PyTorch's int8 product with a matrix as it lies is wrong where 160 numbers are summed.
#
# `onednn::qlinear_pointwise` takes weights laid out by `qlinear_prepack`, and those of `to_mkldnn()`, in plain rows. With
# the latter, sums of 160, 176 and (seldom) 416 products came out wrong by up to two thirds of the largest, for 25 or 256
# rows at a time as an example, and differently in every run; sums of up to 128 and of multiples of 64 were right, as were
# all with weights laid out. A row of an AMX tile has 64 bytes; uxlfoundation/oneDNN#5717 tells of a relative in bfloat16.
# Exits with 2 where the processor has no AMX.
set -euo pipefail

if ! grep -qw amx_int8 /proc/cpuinfo; then
  echo "this processor has no AMX for int8: nothing to see here" >&2
  exit 2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cd "$work"
cat > product.py <<'PYTHON'
import sys
import warnings

import torch

warnings.simplefilter("ignore")
torch.manual_seed(0)
ROWS, COLUMNS, TIMES = 256, 64, 20


def wrong(summed: int, *, laid_out: bool) -> int:
    """How many of some products of whole numbers are not what they are in int64."""
    x = torch.randint(0, 256, (ROWS, summed), dtype=torch.uint8)
    matrix = torch.randint(-127, 128, (summed, COLUMNS), dtype=torch.int8)
    plain = matrix.to_mkldnn()
    weight = torch.ops.onednn.qlinear_prepack(matrix.t().contiguous(), [1, summed]) if laid_out else plain
    scale, zeros = torch.ones(COLUMNS), torch.zeros(COLUMNS, dtype=torch.int64)
    exact = (x.long() @ matrix.long()).float()
    run = torch.ops.onednn.qlinear_pointwise
    answers = [run(x, 1.0, 0, weight, scale, zeros, None, 1.0, 0, torch.float32, "none", [], "") for _ in range(TIMES)]
    return sum(not torch.equal(answer, exact) for answer in answers)


print("torch", torch.__version__)
seen = {}
for summed in (64, 96, 128, 160, 176, 192):
    seen[summed] = wrong(summed, laid_out=False), wrong(summed, laid_out=True)
    print(f"sums of {summed}: {seen[summed][0]} of {TIMES} products wrong; with weights laid out {seen[summed][1]}")

right = all(seen[summed] == (0, 0) for summed in (64, 96, 128, 192))
if not (right and seen[160][0] and seen[176][0] and seen[160][1] == seen[176][1] == 0):
    sys.exit("the behaviour has changed")
print("as it was found")
PYTHON
venv/bin/python product.py
