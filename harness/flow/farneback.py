"""Dense optical flow by polynomial expansion, equal to OpenCV's `calcOpticalFlowFarneback` on 8-bit grey images.

Gunnar Farneback, "Two-Frame Motion Estimation Based on Polynomial Expansion", SCIA 2003, in the form that OpenCV
gave it (image pyramid, box window, edge weights). The defaults are the settings of STINet's release.

Method: each image becomes, around every pixel, a quadratic polynomial I(p + z) = z'Az + b'z + c. If the second image
is the first one moved by d, then A d = (b_0 - b_1) / 2; this is solved by least squares over a window, again and
again with the second polynomial read where the flow points to, from the coarsest level to the finest.

    pyramid(images)                            grey levels, coarsest first, each made from the full resolution
    polynomial_expansion(images)               A and b of every pixel; once per frame, however many pairs it joins
    refine(expansion_0, expansion_1, flow)     the iterations of one level
    farneback(expansions_0, expansions_1)      all levels
    Farneback()(frames_0, frames_1)            everything, from RGB frames

Conventions: RGB frames (N, 3, H, W) in [0, 1]; grey images (N, 1, H, W) in 0..255; flow (N, 2, H, W) = (dx, dy) in
pixels, and flow_0_to_1 at pixel p of frame 0 says where p has gone in frame 1. Everything is batched, runs on any
device, and is differentiable in the images.

Precision: OpenCV computes in float32. Against it, float64 and float32 here agree within 2e-5 px on the release's
examples; where an image is nearly flat, rounding alone moves either of them further (tests/flow says how far).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from harness.flow.base import FlowEstimator, Pair, check_frames, sides, take
from harness.flow.expansion import DEFAULT_SETTINGS, FarnebackSettings, polynomial_expansion, pyramid
from harness.flow.grey import GreyOrder, grey, grey_linear
from harness.flow.refinement import refine
from harness.ops.warp import resize_bilinear

__all__ = ["Farneback", "FarnebackSettings", "farneback", "polynomial_expansion", "pyramid", "refine"]

# Pixels of flow that a CPU works on at once: what one operation writes is in its caches when the next one reads it.
_CPU_PIXELS = 2**16


def farneback(
    expansions_0: Sequence[Tensor],
    expansions_1: Sequence[Tensor],
    *,
    settings: FarnebackSettings = DEFAULT_SETTINGS,
) -> Tensor:
    """The flow (N, 2, H, W) between images given by the expansions of all their levels, coarsest first.

    A CPU takes a few pairs at a time.
    """
    count, _, height, width = expansions_0[-1].shape
    at_once = max(1, _CPU_PIXELS // (height * width)) if expansions_0[-1].device.type == "cpu" else max(1, count)
    parts = (zip(*(level.split(at_once) for level in side), strict=True) for side in (expansions_0, expansions_1))
    flows = [_through_levels(*some, settings=settings) for some in zip(*parts, strict=True)]
    return flows[0] if len(flows) == 1 else torch.cat(flows)


def _through_levels(
    expansions_0: Sequence[Tensor], expansions_1: Sequence[Tensor], *, settings: FarnebackSettings
) -> Tensor:
    coarsest = expansions_0[0]
    flow = coarsest.new_zeros((coarsest.shape[0], 2, *coarsest.shape[-2:]))
    for expansion_0, expansion_1 in zip(expansions_0, expansions_1, strict=True):
        height, width = expansion_0.shape[-2:]
        if flow.shape[-2:] != (height, width):
            flow = resize_bilinear(flow, (height, width)) / settings.pyr_scale
        flow = refine(expansion_0, expansion_1, flow, settings=settings)
    return flow


class Farneback(FlowEstimator):
    """The estimator: RGB frames in, flow out.

    Args:
        settings: the parameters; the defaults are those of STINet's release.
        grey: "rgb" weighs the channels properly, "release" exchanges red and blue as STINet's release does.
        quantise: round frames and grey to 8 bits, as OpenCV's users do: then equal to OpenCV, but the rounding has no
            gradient. False computes on unrounded grey and is differentiable end to end.
    """

    name = "farneback"
    version = 1

    def __init__(
        self,
        settings: FarnebackSettings = DEFAULT_SETTINGS,
        *,
        grey: GreyOrder = "rgb",
        quantise: bool = True,
    ) -> None:
        self.settings = settings
        self.grey_order: GreyOrder = grey
        self.quantise = quantise
        self.differentiable = not quantise

    def __call__(self, frames_0: Tensor, frames_1: Tensor) -> Tensor:
        """The flow from frame 0 to frame 1 of each pair, see `FlowEstimator`; below float32 computed in float32."""
        check_frames(frames_0, frames_1)
        expansions = self.expand(torch.cat((frames_0, frames_1)))
        count = frames_0.shape[0]
        return self.between([level[:count] for level in expansions], [level[count:] for level in expansions])

    def pairs(self, clips: Tensor, pairs: Sequence[Pair]) -> Tensor:
        """See `FlowEstimator`; every frame is expanded once."""
        levels = [level.unflatten(0, clips.shape[:2]) for level in self.expand(clips.flatten(0, 1))]
        first, second = ([take(level, side).flatten(0, 1) for level in levels] for side in sides(pairs))
        flows: Tensor = self.between(first, second).unflatten(0, (len(clips), len(pairs)))
        return flows

    def expand(self, frames: Tensor) -> list[Tensor]:
        """The expansions of frames (N, 3, H, W) in [0, 1], one (N, 5, h, w) per level, coarsest first.

        Indexing each level pairs the frames as one likes: expanding a clip once serves all its pairs.
        """
        check_frames(frames)
        return self.expand_grey(self._grey(frames))

    def expand_grey(self, images: Tensor) -> list[Tensor]:
        """As `expand`, from grey images (N, 1, H, W) in 0..255, floating point."""
        levels = pyramid(images, settings=self.settings)
        return [polynomial_expansion(level, settings=self.settings) for level in levels]

    def between(self, expansions_0: Sequence[Tensor], expansions_1: Sequence[Tensor]) -> Tensor:
        """The flow (N, 2, H, W) of N pairs of expanded frames."""
        return farneback(expansions_0, expansions_1, settings=self.settings)

    def _grey(self, frames: Tensor) -> Tensor:
        precision = torch.promote_types(frames.dtype, torch.float32)
        scaled = 255 * frames.to(precision)
        if self.quantise:
            return grey(scaled, order=self.grey_order).to(precision)
        return grey_linear(scaled, order=self.grey_order)
