"""STINet as a method of few parameters, whose frames have the range of pictures and whose stages all matter."""

import torch
from torch import Tensor, nn

from harness.networks.layers.deformable import DeformableConvolution
from harness.upscalers.options import STINetMethodOptions
from harness.upscalers.stinet import STINetUpscaler

SMALL: dict[str, object] = {"channels": 8, "super_resolution_stages": 1, "interpolation_blocks": 1}


def small(**options: object) -> STINetUpscaler:
    """Seeded, in evaluation mode; offsets are not zero, and layers are damped so that values stay near one."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        upscaler = STINetUpscaler(STINetMethodOptions.model_validate({**SMALL, **options}))
        for module in upscaler.modules():
            if isinstance(module, DeformableConvolution):
                nn.init.normal_(module.offsets_and_mask.weight, std=0.05)
        *_, last = (module for module in upscaler.network.reconstruction.modules() if isinstance(module, nn.Conv2d))
        nn.init.normal_(last.weight, std=0.02)
    return upscaler.eval()


def clip(frames: int, *, height: int = 8, width: int = 9, seed: int = 0) -> Tensor:
    """Noise (frames, 3, height, width) in [0, 1]."""
    return torch.rand(frames, 3, height, width, generator=torch.Generator().manual_seed(seed))
