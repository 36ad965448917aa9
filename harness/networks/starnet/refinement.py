"""Stage 2: the frame between corrects the given frames, then each of these, corrected, corrects it."""

import torch
from torch import Tensor, nn

from harness.networks.starnet.features import Features, corrected
from harness.ops.channels import cat_channels


class Refinement(nn.Module):
    """What neighbours half-way apart say of each other, at both sizes.

    Args:
        forwards: L of a frame and of the next one, and M half-way, concatenated, to H of the next one.
        backwards: the same to H of the earlier one.
    """

    def __init__(self, *, forwards: nn.Module, backwards: nn.Module) -> None:
        super().__init__()
        self.forwards = forwards
        self.backwards = backwards

    def forward(self, initial: Features, motion: Tensor, reduce: nn.Module) -> tuple[Features, Tensor]:
        """The refined features, all but the last correction of L_t.

        Args:
            initial: of stage 1.
            motion: M of half the way, (B, C, h, w).
            reduce: Net_D, H to L.

        Returns:
            The features, and the H whose reduction still has to correct L_t: only its LR picture needs that.
        """
        hr_0, hr_t, hr_1, lr_0, lr_t, lr_1 = initial
        to_0 = self.backwards(cat_channels((lr_0, lr_t, motion)))
        to_1 = self.forwards(cat_channels((lr_t, lr_1, motion)))
        reduced_0, reduced_1 = reduce(torch.cat((to_0, to_1))).chunk(2)
        hr_0, lr_0 = corrected(hr_0, to_0), corrected(lr_0, reduced_0)
        hr_1, lr_1 = corrected(hr_1, to_1), corrected(lr_1, reduced_1)
        from_0 = self.forwards(cat_channels((lr_0, lr_t, motion)))
        hr_t, lr_t = corrected(hr_t, from_0), corrected(lr_t, reduce(from_0))
        from_1 = self.backwards(cat_channels((lr_t, lr_1, motion)))
        return Features(hr_0, corrected(hr_t, from_1), hr_1, lr_0, lr_t, lr_1), from_1
