"""What a network that is trained gives to the losses."""

from typing import NamedTuple

from torch import Tensor


class Supervised(NamedTuple):
    """What the losses compare with the ground truth.

    Args:
        frames: the result, (B, T, 3, 4h, 4w).
        phase_1: pictures from the features of STINet's phase 1, (B, T, 3, h, w) under "lr" and (B, T, 3, 4h, 4w)
            under "hr", of the sides that the network has; empty where a network supervises its result alone.
    """

    frames: Tensor
    phase_1: dict[str, Tensor]
