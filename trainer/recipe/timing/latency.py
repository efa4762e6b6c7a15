"""How long a trained network takes for one image alone, on the device where it was trained."""

import statistics
import time

import torch
from torch import nn

_WARM_UP = 2  # passes that do not count
_PASSES = 7


@torch.inference_mode()
def milliseconds_an_image(model: nn.Module, *, image_side: int, device: torch.device) -> float:
    """The median of a few passes, fp32. Leaves the model ready to be asked, as it has to be for this."""
    model.eval()
    image = torch.zeros(1, 3, image_side, image_side, device=device).contiguous(memory_format=torch.channels_last)

    def seconds() -> float:
        began = time.perf_counter()
        model(image).cpu()  # a GPU is done when its answer is here
        return time.perf_counter() - began

    return 1000 * statistics.median([seconds() for _ in range(_WARM_UP + _PASSES)][_WARM_UP:])


def device_in_words(device: torch.device) -> str:
    """What times measured on a device depend on."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"
