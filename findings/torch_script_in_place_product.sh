#!/usr/bin/env bash
# TorchScript leaves out PyTorch's int8 product that adds to a tensor in place, where only that tensor is wanted.
#
# `onednn::qlinear_pointwise.binary` with "sum" writes into the tensor it adds to, and returns it. Its schema does not
# say so (`Tensor? other`, without an alias), so that a scripted function which drops the result is compiled as one
# that does nothing; the same function as plain Python adds. Its sibling for convolutions declares `Tensor(a!)`.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cd "$work"
cat > product.py <<'PYTHON'
import sys
import warnings

import torch
from torch import Tensor

warnings.simplefilter("ignore")


def add(total: Tensor, x: Tensor, weight: Tensor, scale: Tensor, zeros: Tensor) -> None:
    torch.ops.onednn.qlinear_pointwise(
        x, 1.0, 0, weight, scale, zeros, total, None, 1.0, 0, torch.float32, 1.0, 0, "sum", 1.0, "none", [], ""
    )


print("torch", torch.__version__)
print(torch.ops.onednn.qlinear_pointwise.binary._schema)
weight = torch.ones(16, 16, dtype=torch.int8).to_mkldnn()
operands = torch.ones(4, 16, dtype=torch.uint8), weight, torch.ones(16), torch.zeros(16, dtype=torch.int64)
seen = {}
for name, function in (("Python", add), ("TorchScript", torch.jit.script(add))):
    total = torch.zeros(4, 16)
    with torch.inference_mode():
        function(total, *operands)
    seen[name] = float(total.max())
    print(f"{name}: a total of 0 to which 16 is added is {seen[name]:g}")

if seen != {"Python": 16.0, "TorchScript": 0.0}:
    sys.exit("the behaviour has changed")
print("as it was found")
PYTHON
venv/bin/python product.py
