"""PyTorch's optimizers without its compiler.

PyTorch keeps the methods of its optimizers out of what it compiles, and imports the compiler for that when one is made
or makes a step: 1.7 s of processor time and 71 MB of every process that trains. Nothing is compiled here.
"""

from inspect import unwrap
from typing import Any

import torch


class _Uncompiled(torch.optim.Optimizer):
    add_param_group: Any = unwrap(torch.optim.Optimizer.add_param_group)
    load_state_dict: Any = unwrap(torch.optim.Optimizer.load_state_dict)
    state_dict: Any = unwrap(torch.optim.Optimizer.state_dict)
    zero_grad: Any = unwrap(torch.optim.Optimizer.zero_grad)


class SGD(_Uncompiled, torch.optim.SGD):
    step: Any = torch.no_grad()(unwrap(torch.optim.SGD.step))


class Adam(_Uncompiled, torch.optim.Adam):
    step: Any = torch.no_grad()(unwrap(torch.optim.Adam.step))


class LBFGS(_Uncompiled, torch.optim.LBFGS):
    step: Any = torch.optim.LBFGS.step  # imports nothing
