"""Interpolators without learned parts: nearest frame, linear blend, and blending along optical flow.

Shapes: clips are (T, 3, h, w), RGB, float; T frames become (T - 1) * rate + 1. Between neighbours 0 and 1 lie the
moments t = k / rate, 0 < t < 1. Given frames pass unchanged.
"""

import torch
from torch import Tensor

from harness.flow import get_flow
from harness.ops.warp import in_bounds, warp
from harness.upscalers.base import Flows, Interpolator
from harness.upscalers.options import FlowInterpolationOptions


def moments(rate: int) -> tuple[float, ...]:
    """The moments between two neighbours: 1/rate, ..., (rate - 1)/rate."""
    return tuple(k / rate for k in range(1, rate))


def interleave(clip: Tensor, between: list[Tensor]) -> Tensor:
    """Given frames with the new ones between them.

    Args:
        clip: (T, 3, h, w).
        between: for every moment, the T - 1 frames at that moment, (T-1, 3, h, w).

    Returns:
        ((T - 1) * (len(between) + 1) + 1, 3, h, w).
    """
    steps = torch.stack([clip[:-1], *between], dim=1).flatten(0, 1)  # each pair: frame 0, then its moments
    return torch.cat([steps, clip[-1:]])


class Nearest(Interpolator):
    """The nearer neighbour; the earlier one at equal distance."""

    def interpolate(self, clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        del flows
        return interleave(clip, [clip[:-1] if t <= 0.5 else clip[1:] for t in moments(rate)])


class Blend(Interpolator):
    """The linear blend (1 - t) I_0 + t I_1, unrounded."""

    def interpolate(self, clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        del flows
        return interleave(clip, [(1 - t) * clip[:-1] + t * clip[1:] for t in moments(rate)])


class FlowInterpolation(Interpolator):
    """Both neighbours warped along scaled optical flow, blended by visibility.

    The flow from the new frame to its neighbours is the neighbours' own flow, scaled (Eq. 1 of STINet):
    O_{t->0} = t O_{1->0} and O_{t->1} = (1 - t) O_{0->1}. A neighbour counts where its flow can be trusted: where
    it stays in the picture, and where flow and return flow cancel. With r the round trip of a flow in pixels,

        V = exp(-|r|^2 / c^2),    I_t = ((1 - t) V_0 W_0 + t V_1 W_1) / ((1 - t) V_0 + t V_1),

    c = `consistency_px`, W the warped neighbours. Where neither can be trusted this is the linear blend of the two.
    """

    estimator_name = "farneback"
    least_visibility = 1e-3

    def __init__(self, options: FlowInterpolationOptions | None = None) -> None:
        options = options or FlowInterpolationOptions()
        super().__init__(options)
        self.consistency_px = options.consistency_px
        self.estimate = get_flow(self.estimator_name)

    @property
    def component_versions(self) -> dict[str, str]:
        return {f"flow:{self.estimate.name}": self.estimate.identity}

    def flows(self, clip: Tensor) -> Flows:
        """Both directions between all neighbours, one batch."""
        flow_0_to_1, flow_1_to_0 = self.estimate.along(clip.unsqueeze(0))
        return flow_0_to_1.squeeze(0), flow_1_to_0.squeeze(0)

    def interpolate(self, clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        flow_0_to_1, flow_1_to_0 = flows if flows is not None else self.flows(clip)
        trust_0 = self._trust(flow_1_to_0, flow_0_to_1)
        trust_1 = self._trust(flow_0_to_1, flow_1_to_0)
        between = []
        for t in moments(rate):
            flow_t_to_0, flow_t_to_1 = t * flow_1_to_0, (1 - t) * flow_0_to_1
            weight_0 = (1 - t) * self._visibility(trust_0, flow_t_to_0)
            weight_1 = t * self._visibility(trust_1, flow_t_to_1)
            warped_0, warped_1 = warp(clip[:-1], flow_t_to_0), warp(clip[1:], flow_t_to_1)
            between.append((weight_0 * warped_0 + weight_1 * warped_1) / (weight_0 + weight_1))
        return interleave(clip, between)

    def _trust(self, flow: Tensor, flow_back: Tensor) -> Tensor:
        """exp(-|r|^2 / c^2) of the round trip r(p) = flow(p) + flow_back(p + flow(p)); (B, 1, h, w)."""
        round_trip = flow + warp(flow_back, flow)
        return torch.exp(-round_trip.square().sum(1, keepdim=True) / self.consistency_px**2)

    def _visibility(self, trust: Tensor, flow: Tensor) -> Tensor:
        return (trust * in_bounds(flow)).clamp_min(self.least_visibility)
