#!/usr/bin/env bash
# PyTorch's backward pass imports sympy as soon as it is given a gradient to begin with.
#
# `loss.backward()` does without it. `y.backward(gradient)` and `torch.autograd.grad(y, x, gradient)`, in eager mode and
# with plain shapes, import `torch.fx.experimental.symbolic_shapes` to compare the two shapes, and sympy with it: several
# hundred modules, for the rest of the process.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cd "$work"
cat > backward.py <<'PYTHON'
import subprocess
import sys

BEGIN = "import sys, torch; x = torch.ones(2, requires_grad=True); before = len(sys.modules); "
END = "; print('sympy' in sys.modules, len(sys.modules) - before)"
KNOWN = {
    "(2 * x).sum().backward()": False,
    "(2 * x).backward(torch.ones(2))": True,
    "torch.autograd.grad((2 * x).sum(), x)": False,
    "torch.autograd.grad(2 * x, x, torch.ones(2))": True,
}

seen = {}
for call in KNOWN:
    command = [sys.executable, "-c", BEGIN + call + END]
    sympy, modules = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    seen[call] = sympy == "True"
    print(f"{call}: {'sympy' if seen[call] else 'no sympy'}, {modules} more modules")

import torch

print("torch", torch.__version__)
if seen != KNOWN:
    sys.exit("the behaviour has changed")
print("as it was found")
PYTHON
venv/bin/python backward.py
