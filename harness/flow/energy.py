"""The variational flow's energy around a flow, as linear equations for what the flow still lacks.

Source: T. Brox et al., 2004, C. Liu, 2009. Both parts of the energy are robust: their weights, psi of the features
and phi of smoothness, are 1 / (2 |x|) at the flow so far, a little less steep at zero.

For the increment (du, dv) of a pixel, with means over the features and sums over its up to four neighbours,

    (a + damping + alpha S) du + b dv = -p + alpha sum of w (u' + du' - u),    a = mean psi Ix Ix,  p = mean psi Ix It
    (c + damping + alpha S) dv + b du = -q + alpha sum of w (v' + dv' - v),    b = mean psi Ix Iy,  q = mean psi Iy It
                                                                               c = mean psi Iy Iy,  S = sum of w

where w between two pixels is phi of the left or the upper one of them.

Conventions: features (N, 5, H, W); flows (N, 2, H, W) = (dx, dy) in pixels; borders repeat the edge pixel.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.flow.colour_pyramid import correlate, slope

_SMOOTH = (0.02, 0.11, 0.74, 0.11, 0.02)
_OWN, _OTHER = 0.4, 0.6  # weights of the frames in the slopes that both are said to have
_LEAST = 1e-6  # added to squares under a root
_DAMPING = 0.05  # of the solution, in units of alpha


class Equations(NamedTuple):
    """What the solver needs, an image for each.

    Args:
        diagonal: what du and dv are multiplied by, (N, 2, H, W).
        cross: b, (N, 1, H, W).
        right_side: -p - alpha L(u) and -q - alpha L(v), (N, 2, H, W).
        right: alpha w to the right neighbour, zero in the last column, (N, 1, H, W).
        below: alpha w to the lower neighbour, zero in the last row.
    """

    diagonal: Tensor
    cross: Tensor
    right_side: Tensor
    right: Tensor
    below: Tensor


def smooth(features: Tensor) -> Tensor:
    """A little blur, before differences are taken."""
    return correlate(correlate(features, _SMOOTH, -1), _SMOOTH, -2)


def linearised(smoothed_0: Tensor, smoothed_1: Tensor, flow: Tensor, *, alpha: float) -> Equations:
    """The equations around a flow.

    Args:
        smoothed_0: features of the first frame, smoothed.
        smoothed_1: those of the second, warped by the flow, then smoothed.
        flow: (N, 2, H, W).
        alpha: weight of smoothness.
    """
    mixed = _OWN * smoothed_0 + _OTHER * smoothed_1
    i_x, i_y, i_t = slope(mixed, -1), slope(mixed, -2), smoothed_1 - smoothed_0
    psi = 0.5 * (i_t.square() + _LEAST).rsqrt()
    psi_x, psi_y = psi * i_x, psi * i_y
    data = torch.stack((psi_x * i_x, psi_y * i_y, psi_x * i_y, psi_x * i_t, psi_y * i_t), dim=1).mean(dim=2)
    to_right, to_below = flow.diff(dim=-1), flow.diff(dim=-2)
    squares = F.pad(to_right.square(), (0, 1)) + F.pad(to_below.square(), (0, 0, 0, 1))
    weight = 0.5 * alpha * (squares.sum(dim=1, keepdim=True) + _LEAST).rsqrt()
    right, below = F.pad(weight[..., :-1], (0, 1)), F.pad(weight[..., :-1, :], (0, 0, 0, 1))
    weights = right + below + from_left(right) + from_above(below)
    outflow_x, outflow_y = (
        F.pad(right[..., :-1] * to_right, (0, 1)),
        F.pad(below[..., :-1, :] * to_below, (0, 0, 0, 1)),
    )
    inflow = outflow_x - from_left(outflow_x) + outflow_y - from_above(outflow_y)  # -alpha L(flow)
    return Equations(
        diagonal=data[:, :2] + _DAMPING * alpha + weights,
        cross=data[:, 2:3],
        right_side=inflow - data[:, 3:],
        right=right,
        below=below,
    )


def from_left(planes: Tensor) -> Tensor:
    """At each pixel what the left neighbour has; zero where there is none."""
    return F.pad(planes, (1, 0))[..., :-1]


def from_above(planes: Tensor) -> Tensor:
    """At each pixel what the upper neighbour has; zero where there is none."""
    return F.pad(planes, (0, 0, 1, 0))[..., :-1, :]
