"""EDVR as its sheet describes it, frame by frame on BasicSR's names of the weights: what tests compare with.

Of the harness it takes the deformable convolution alone.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.ops.deform_conv import deform_conv

Maps = list[Tensor]


def lrelu(maps: Tensor) -> Tensor:
    return F.leaky_relu(maps, 0.1)


def twice(maps: Tensor) -> Tensor:
    return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)


def pooled(maps: Tensor) -> tuple[Tensor, Tensor]:
    return F.max_pool2d(maps, 3, 2, 1), F.avg_pool2d(maps, 3, 2, 1, count_include_pad=True)


class Straightforward:
    """The network of one state dict.

    Args:
        state: the weights.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self.state = state

    def __call__(self, frames: Tensor) -> Tensor:
        """(B, 7, 3, h, w), multiples of four, to (B, 3, 4h, 4w)."""
        pyramids = [self.pyramid(frame) for frame in frames.unbind(1)]
        aligned = [self.aligned(pyramid, pyramids[3]) for pyramid in pyramids]
        maps = self.trunk("reconstruction", self.fused(aligned))
        for name in ("upconv1", "upconv2"):
            maps = lrelu(F.pixel_shuffle(self.conv(name, maps), 2))
        picture = self.conv("conv_last", lrelu(self.conv("conv_hr", maps)))
        return picture + F.interpolate(frames[:, 3], scale_factor=4, mode="bilinear", align_corners=False)

    def conv(self, name: str, *maps: Tensor, stride: int = 1) -> Tensor:
        weight = self.state[f"{name}.weight"]
        return F.conv2d(torch.cat(maps, 1), weight, self.state[f"{name}.bias"], stride, weight.shape[-1] // 2)

    def trunk(self, name: str, maps: Tensor) -> Tensor:
        k = 0
        while f"{name}.{k}.conv1.weight" in self.state:
            maps = maps + self.conv(f"{name}.{k}.conv2", self.conv(f"{name}.{k}.conv1", maps).relu())
            k += 1
        return maps

    def pyramid(self, frame: Tensor) -> Maps:
        levels = [self.trunk("feature_extraction", lrelu(self.conv("conv_first", frame)))]
        for k in (2, 3):
            reduced = lrelu(self.conv(f"conv_l{k}_1", levels[-1], stride=2))
            levels.append(lrelu(self.conv(f"conv_l{k}_2", reduced)))
        return levels

    def deformed(self, name: str, maps: Tensor, offset_features: Tensor) -> Tensor:
        first, second, mask = self.conv(f"{name}.conv_offset", offset_features).chunk(3, dim=1)
        weight, bias = self.state[f"{name}.weight"], self.state[f"{name}.bias"]
        return deform_conv(maps, torch.cat((first, second), 1), mask.sigmoid(), weight, bias, padding=1)

    def aligned(self, frame: Maps, reference: Maps) -> Tensor:
        offsets = maps = torch.empty(0)
        for k in (3, 2, 1):
            here, there = frame[k - 1], reference[k - 1]
            compared = lrelu(self.conv(f"pcd_align.offset_conv1.l{k}", here, there))
            if k == 3:
                offsets = lrelu(self.conv("pcd_align.offset_conv2.l3", compared))
                maps = lrelu(self.deformed("pcd_align.dcn_pack.l3", here, offsets))
                continue
            joined = lrelu(self.conv(f"pcd_align.offset_conv2.l{k}", compared, 2 * twice(offsets)))
            offsets = lrelu(self.conv(f"pcd_align.offset_conv3.l{k}", joined))
            moved = self.deformed(f"pcd_align.dcn_pack.l{k}", here, offsets)
            maps = self.conv(f"pcd_align.feat_conv.l{k}", moved, twice(maps))
            maps = maps if k == 1 else lrelu(maps)
        offsets = lrelu(self.conv("pcd_align.cas_offset_conv1", maps, reference[0]))
        offsets = lrelu(self.conv("pcd_align.cas_offset_conv2", offsets))
        return lrelu(self.deformed("pcd_align.cas_dcnpack", maps, offsets))

    def fused(self, aligned: Maps) -> Tensor:
        reference = self.conv("fusion.temporal_attn1", aligned[3])
        weighed = []
        for maps in aligned:
            likeness = (self.conv("fusion.temporal_attn2", maps) * reference).sum(1, keepdim=True)
            weighed.append(maps * likeness.sigmoid())
        fused = lrelu(self.conv("fusion.feat_fusion", *weighed))
        half = lrelu(self.conv("fusion.spatial_attn1", *weighed))
        half = lrelu(self.conv("fusion.spatial_attn2", *pooled(half)))
        quarter = lrelu(self.conv("fusion.spatial_attn_l1", half))
        quarter = lrelu(self.conv("fusion.spatial_attn_l2", *pooled(quarter)))
        quarter = lrelu(self.conv("fusion.spatial_attn_l3", quarter))
        half = lrelu(self.conv("fusion.spatial_attn3", half)) + twice(quarter)
        scale = self.conv("fusion.spatial_attn5", twice(lrelu(self.conv("fusion.spatial_attn4", half))))
        shift = self.conv("fusion.spatial_attn_add2", lrelu(self.conv("fusion.spatial_attn_add1", scale)))
        return fused * scale.sigmoid() * 2 + shift
