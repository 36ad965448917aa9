"""LPIPS, a learned perceptual distance, through the package `lpips`. Lower is better.

Source: R. Zhang, P. Isola, A. A. Efros, E. Shechtman, O. Wang, "The unreasonable effectiveness of deep features as a
perceptual metric", 2018; the authors' package, weights version 0.1. Optional: `pip install 'stvsr-harness[lpips]'`.

Conventions: frames (B, 3, H, W) RGB, uint8 or float in [0, 255], scaled to the [-1, 1] of the package; computed in
float32 (never TF32), returned as float64. Identical frames give 0. The identity names the backbone and a hash of
all weights: numbers of different backbones or weights never share a column.
"""

import hashlib
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from harness.errors import DataError, MissingExtraError, UsageError
from harness.metrics._torchvision import import_torchvision
from harness.metrics.color import check_pair
from harness.networks.state import read_state

Net = Literal["alex", "vgg", "squeeze"]

# What the strides of each backbone leave at least one sample of.
_SMALLEST: dict[Net, int] = {"alex": 31, "vgg": 16, "squeeze": 17}


class Lpips:
    """LPIPS as a metric of the harness.

    Args:
        weights: a complete state dict of `lpips.LPIPS` (backbone and linear heads), .pt/.pth or .safetensors; its
            backbone is recognised. Without it the package downloads the backbone `net` once.
        net: the backbone without `weights`.

    Raises:
        MissingExtraError: if lpips or torchvision is not installed.
        DataError: if the file is missing or holds anything but named tensors.
        UsageError: if they are not LPIPS's, or the backbone cannot be downloaded.
    """

    def __init__(self, *, weights: Path | None = None, net: Net = "alex") -> None:
        if weights is None:
            self.net: Net = net
            self._network = _download(net)
        else:
            state = read_state(weights)
            self.net = recognise_net(state, weights)
            self._network = _build(self.net, pretrained=False)
            _load(self._network, state, weights)
        self._network.requires_grad_(False)
        self.identity = f"{self.net},v0.1,{hash_state(self._network.state_dict())[:12]}"

    def score(self, pred: Tensor, gt: Tensor, *, previous: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """LPIPS of every frame.

        Args:
            pred: (B, 3, H, W) RGB, uint8 or float in [0, 255].
            gt: like `pred`, on the same device; the network follows them there.
            previous: not used.

        Returns:
            (B,) float64, 0 for identical frames.

        Raises:
            DataError: if the frames do not fit together or are too small for the backbone.
        """
        check_pair(pred, gt)
        height, width = pred.shape[-2:]
        if min(height, width) < _SMALLEST[self.net]:
            raise DataError(
                f"LPIPS-{self.net} needs frames of at least {_SMALLEST[self.net]} pixels on each side.",
                found=f"{width}x{height}",
                todo="leave LPIPS out for these frames",
            )
        network = self._network.to(pred.device)
        # Frame by frame: the first layers of a backbone take a hundred MB for one frame.
        pairs = zip(pred.split(1), gt.split(1), strict=True)
        with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return torch.cat([network(_scaled(x), _scaled(y)).flatten() for x, y in pairs]).double()


def _scaled(frames: Tensor) -> Tensor:
    return frames.float() / 127.5 - 1


def recognise_net(state: Mapping[str, Tensor], path: Path) -> Net:
    """The backbone that a state dict belongs to.

    Raises:
        UsageError: if it is none of alex, vgg, squeeze.
    """
    if "net.slice2.3.squeeze.weight" in state:
        return "squeeze"
    first = state.get("net.slice1.0.weight")
    if first is not None and first.shape == (64, 3, 11, 11):
        return "alex"
    if first is not None and "net.slice1.2.weight" in state:
        return "vgg"
    raise UsageError(
        "The LPIPS weights belong to none of the backbones alex, vgg, squeeze.",
        found=f"{len(state)} tensors in {path}, first '{next(iter(state), '')}'",
        todo="give the whole state dict, backbone and linear heads; the heads alone are not enough",
    )


def hash_state(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, shapes and float32 bytes in alphabetical order: the same for every file format."""
    digest = hashlib.sha256()
    for name in sorted(state):
        value = state[name].detach().cpu().float().contiguous()
        digest.update(f"{name}{tuple(value.shape)}".encode())
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def _build(net: Net, *, pretrained: bool) -> nn.Module:
    import_torchvision()
    try:
        package = import_module("lpips")
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "lpips", extra="lpips", purpose="LPIPS") from error
    with warnings.catch_warnings():
        # The package of 2021 passes arguments that torchvision has since renamed.
        warnings.filterwarnings("ignore", module=r"torchvision\.models\._utils", category=UserWarning)
        network = package.LPIPS(pretrained=pretrained, net=net, pnet_rand=not pretrained, verbose=False)
    if not isinstance(network, nn.Module):
        raise UsageError("The package lpips is not the one expected.", found=repr(network), todo="pip install lpips")
    return network.eval()


def _download(net: Net) -> nn.Module:
    try:
        return _build(net, pretrained=True)
    except (OSError, RuntimeError) as error:
        raise UsageError(
            f"LPIPS needs the weights of its backbone '{net}', and they could not be downloaded.",
            found=str(error) or type(error).__name__,
            todo="--lpips-weights FILE with a complete state dict of lpips.LPIPS, saved where there is a network: "
            f"torch.save(lpips.LPIPS(net='{net}').state_dict(), FILE)",
        ) from error


def _load(network: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise UsageError(
            "The LPIPS weights are not complete.",
            found=f"{path}: {str(error).splitlines()[-1].strip()}",
            todo="give the whole state dict of lpips.LPIPS version 0.1, backbone and linear heads",
        ) from error
