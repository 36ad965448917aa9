"""Dense optical flow as the minimum of an energy, from coarse to fine: what RBPN and STARnet were trained with.

Sources: T. Brox, A. Bruhn, N. Papenberg, J. Weickert, "High Accuracy Optical Flow Estimation Based on a Theory for
Warping", 2004, in the form of C. Liu, "Beyond Pixels: Exploring New Representations and Applications for Motion
Analysis", 2009, whose program is known as Coarse2Fine flow and, by its Python wrapper, as pyflow.

Method: the flow is to keep five features of every pixel (grey, its two slopes, two differences of colours) and to be
smooth, both robustly: E = sum of |f_1(p + flow) - f_0(p)| + alpha |gradient of the flow|. From the coarsest level of
an image pyramid to the finest, and several times a level,

    linearised(...)      the energy around the flow so far, its weights taken from there (see `energy`)
    Relaxation.solve     the linear equations, by over-relaxation (see `relaxation`)
    warp                 the second frame's features by the better flow

Conventions: RGB frames (N, 3, H, W) in [0, 1]; flow (N, 2, H, W) = (dx, dy) in pixels, and flow_0_to_1 at pixel p of
frame 0 says where p has gone in frame 1. Batched, on any device; nothing waits for the device. There is no gradient:
the solver works in place.

Deviation: frames less than 27 pixels wide, for which pyflow has no level at all and crashes, get one level.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.errors import UsageError
from harness.flow.base import FlowEstimator, Pair, check_frames, sides, take
from harness.flow.colour_pyramid import colour_pyramid, enlarge_flow, features
from harness.flow.energy import linearised, smooth
from harness.flow.relaxation import Relaxation
from harness.ops.precision import at_least_float32, full_precision
from harness.ops.warp import in_bounds, warp


@dataclass(frozen=True)
class VariationalSettings:
    """The parameters of Coarse2Fine flow; the defaults are those that RBPN and STARnet were trained with.

    Attributes:
        alpha: weight of smoothness.
        ratio: size of a level relative to the next finer one, in (0, 1).
        min_width: about the width of the coarsest level, pixels.
        outer_iterations: warps at the finest level; one more at each coarser one.
        sweeps: of the solver at the finest level; three more at each coarser one.
    """

    alpha: float = 0.012
    ratio: float = 0.75
    min_width: int = 20
    outer_iterations: int = 7
    sweeps: int = 30

    def __post_init__(self) -> None:
        wanted = {
            "alpha > 0": self.alpha > 0,
            "0 < ratio < 1": 0 < self.ratio < 1,
            "min_width >= 1": self.min_width >= 1,
            "outer_iterations >= 1": self.outer_iterations >= 1,
            "sweeps >= 1": self.sweeps >= 1,
        }
        broken = [rule for rule, kept in wanted.items() if not kept]
        if broken:
            raise UsageError(
                "These settings make no variational flow.", found=repr(self), todo="choose " + ", ".join(broken)
            )


DEFAULT_SETTINGS = VariationalSettings()


class Variational(FlowEstimator):
    """The estimator: RGB frames in, flow out.

    Args:
        settings: see there.
        dtype: in which it is computed. pyflow takes float64; float32 is off by some 1e-5 px.
    """

    name = "variational"
    version = 1
    differentiable = False

    def __init__(
        self, settings: VariationalSettings = DEFAULT_SETTINGS, *, dtype: torch.dtype = torch.float64
    ) -> None:
        self.settings = settings
        self.dtype = dtype

    def __call__(self, frames_0: Tensor, frames_1: Tensor) -> Tensor:
        """The flow from frame 0 to frame 1 of each pair, see `FlowEstimator`; in the precision of the frames."""
        check_frames(frames_0, frames_1)
        levels = self.expand(torch.cat((frames_0, frames_1)))
        count = len(frames_0)
        flow = self.between([level[:count] for level in levels], [level[count:] for level in levels])
        return flow.to(at_least_float32(frames_0).dtype)

    def pairs(self, clips: Tensor, pairs: Sequence[Pair]) -> Tensor:
        """See `FlowEstimator`; the features of every frame are made once."""
        levels = [level.unflatten(0, clips.shape[:2]) for level in self.expand(clips.flatten(0, 1))]
        first, second = ([take(level, side).flatten(0, 1) for level in levels] for side in sides(pairs))
        flow = self.between(first, second).to(at_least_float32(clips).dtype)
        flows: Tensor = flow.unflatten(0, (len(clips), len(pairs)))
        return flows

    @torch.no_grad()
    def expand(self, frames: Tensor) -> list[Tensor]:
        """The features of frames (N, 3, H, W), one (N, 5, h, w) per level, finest first."""
        check_frames(frames)
        with full_precision(frames.device.type):
            images = frames.to(self.dtype)
            return [
                features(level)
                for level in colour_pyramid(images, ratio=self.settings.ratio, min_width=self.settings.min_width)
            ]

    @torch.no_grad()
    def between(self, features_0: Sequence[Tensor], features_1: Sequence[Tensor]) -> Tensor:
        """The flow (N, 2, H, W) between frames given by the features of all their levels, finest first."""
        coarsest = features_0[-1]
        flow = coarsest.new_zeros((coarsest.shape[0], 2, *coarsest.shape[-2:]))
        with full_precision(coarsest.device.type):
            for level, (here, there) in reversed(list(enumerate(zip(features_0, features_1, strict=True)))):
                flow = enlarge_flow(flow, (here.shape[-2], here.shape[-1]), ratio=self.settings.ratio)
                flow = self._refine(here, there, flow, level=level)
        return flow

    def _refine(self, here: Tensor, there: Tensor, flow: Tensor, *, level: int) -> Tensor:
        """The iterations of one level: from a flow (N, 2, h, w) to a better one."""
        relaxation = Relaxation(flow, sweeps=self.settings.sweeps + 3 * level)
        smoothed = smooth(here)
        for _ in range(self.settings.outer_iterations + level):
            warped = torch.where(in_bounds(flow), warp(there, flow), here)
            equations = linearised(smoothed, smooth(warped), flow, alpha=self.settings.alpha)
            flow = flow + relaxation.solve(equations)
        return flow
