"""VGG-19 up to relu5_4, the eye of the perceptual loss, and where its weights are found.

Source: K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2015,
configuration E. Parameter names are torchvision's (`features.0.weight` ...), so that its file loads as it is.

Conventions: frames (B, 3, H, W), RGB in ImageNet's normalisation, both sides at least 16; features
(B, 512, H // 16, W // 16).
"""

import os
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.errors import DataError
from harness.networks.state import read_state

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""ImageNet's, per channel of RGB in [0, 1]."""

ENVIRONMENT = "HARNESS_VGG19"
FILE = "vgg19-dcbb9e9d.pth"
"""The name under which torchvision keeps its weights."""

_WIDTHS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # channels and convolutions between two poolings
_REDUCTION = 16


class VGG19(nn.Module):
    """The first 36 layers of VGG-19: all convolutions, four poolings."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for block, (width, count) in enumerate(_WIDTHS):
            layers += [nn.MaxPool2d(2)] if block else []
            for _ in range(count):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
        self.features = nn.Sequential(*layers)

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (B, 3, H, W) to the features of relu5_4. Raises DataError for frames that four poolings erase."""
        if min(frames.shape[-2:]) < _REDUCTION:
            raise DataError(
                f"VGG-19 needs frames of {_REDUCTION} pixels or more.",
                found=f"{frames.shape[-1]}x{frames.shape[-2]}",
                todo="use larger crops, or pass --set training.lambda_per=0",
            )
        features: Tensor = self.features(frames)
        return features


def find_vgg(given: Path | None = None) -> Path:
    """The weights file: `given`, else HARNESS_VGG19, else torchvision's cache. Raises DataError without one."""
    named = given or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else None)
    path = named or Path(torch.hub.get_dir()) / "checkpoints" / FILE
    if not path.is_file():
        raise DataError(
            "The perceptual loss needs the weights of VGG-19.",
            found=f"no file {path}",
            todo=f"fetch https://download.pytorch.org/models/{FILE} (or let torchvision do it: "
            "torchvision.models.vgg19(weights='DEFAULT')) and name it with --vgg19 FILE or "
            f"{ENVIRONMENT}=FILE; or train without this loss: --set training.lambda_per=0",
        )
    return path


def load_vgg(path: Path) -> VGG19:
    """The frozen network with the weights of a file. Raises DataError when the file is not VGG-19's."""
    network = VGG19()
    state = {key: value for key, value in read_state(path).items() if key.startswith("features.")}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise DataError(
            f"{path} should hold VGG-19's weights under torchvision's names.",
            found=str(error).splitlines()[-1].strip(),
            todo=f"fetch https://download.pytorch.org/models/{FILE}",
        ) from error
    return network.eval().requires_grad_(False)
