"""The front of Zooming Slow-Mo up to its recurrence: the shared layers, and by hand what is not shared."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.networks.layers.conv_lstm import BidirectionalConvLSTM
from harness.networks.layers.pyramid import FeaturePyramid, Pyramid, SymmetricAlignment

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Layers:
    """Our layers, and how the network runs them.

    Args:
        weights: of everything, under the authors' names.
    """

    weights: Weights
    pyramid: FeaturePyramid
    alignment: SymmetricAlignment
    lstm: BidirectionalConvLSTM

    def run(self, frames: Tensor) -> dict[str, Tensor]:
        """Frames (1, N, 3, h, w) to what the `mid_` arrays of the reference name."""
        seen: dict[str, list[Tensor]] = {name: [] for name in ("level_3", "dcn", "align", "pcd_h")}
        watched = {
            "level_3": self.pyramid.level_3.get_submodule("2"),
            "dcn": self.alignment.first.level_1.align,
            "align": self.alignment,
            "pcd_h": self.lstm.recurrence.align_hidden,
        }
        handles = [
            module.register_forward_hook(lambda _module, _inputs, out, calls=seen[name]: calls.append(out.clone()))
            for name, module in watched.items()
        ]
        with torch.inference_mode():
            sequence = self.lstm(self.interpolated(self.first_features(frames[0]))[None])
        for handle in handles:
            handle.remove()
        return {
            "mid_L3_fea": seen["level_3"][0],
            "mid_dcn_L1_1_pair0": seen["dcn"][0][:1, :16],
            "mid_pcd_aligned_pair0": seen["align"][0][:1, ::4],
            "mid_pcd_h_fwd_t1": seen["pcd_h"][1][:1, :16],
            "mid_blstm": sequence[:, :, :4],
        }

    def first_features(self, frames: Tensor) -> Tensor:
        """(N, 3, h, w) to (N, 64, h, w)."""
        features = F.leaky_relu(self.conv("conv_first", frames), 0.1)
        for k in range(5):
            block = f"feature_extraction.{k}"
            features = features + self.conv(f"{block}.conv2", self.conv(f"{block}.conv1", features).relu())
        return features

    def interpolated(self, features: Tensor) -> Tensor:
        """(N, 64, h, w) to (2N - 1, 64, h, w)."""
        levels = self.pyramid(features)
        earlier, later = Pyramid(*(level[:-1] for level in levels)), Pyramid(*(level[1:] for level in levels))
        between = self.conv("fusion", self.alignment(earlier, later))
        pairs = torch.stack((features[:-1], between), dim=1).flatten(0, 1)
        return torch.cat((pairs, features[-1:]))

    def conv(self, name: str, maps: Tensor) -> Tensor:
        weight = self.weights[f"{name}.weight"]
        return F.conv2d(maps, weight, self.weights[f"{name}.bias"], padding=weight.shape[-1] // 2)


def under(weights: Weights, prefix: str) -> dict[str, Tensor]:
    """The entries of a part, without its name."""
    return {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
