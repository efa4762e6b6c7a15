"""The one place that imports torchvision, for the weights that it publishes. It takes a second: import it where needed.

Some CPU builds of torch cannot load torchvision's compiled operators; `import torchvision` then stops at the schemas
of `nms` and `qnms`, which its Python code registers fake kernels for. Declaring the two schemas first is enough: no
ResNet uses either operator. The declaration is made only when the plain import has failed.
"""

import importlib
import sys
from types import ModuleType

import torch

_declared: list[torch.library.Library] = []  # a Library withdraws its schemas when it is collected


def _declare_missing_schemas() -> None:
    library = torch.library.Library("torchvision", "DEF")
    signature = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    for operator in ("nms", "qnms"):
        library.define(operator + signature)
    _declared.append(library)


def import_torchvision(module: str) -> ModuleType:
    """Import `torchvision.<module>`, declaring the missing operator schemas if the plain import fails."""
    name = f"torchvision.{module}"
    try:
        return importlib.import_module(name)
    except RuntimeError as failure:
        if "torchvision::nms" not in str(failure):
            raise
    for partial in [m for m in sys.modules if m == "torchvision" or m.startswith("torchvision.")]:
        del sys.modules[partial]
    _declare_missing_schemas()
    return importlib.import_module(name)
