"""The second half of stage 1: features of the frame between, from those of both given frames and from the motion."""

from torch import Tensor, nn

from harness.networks.starnet.features import Features, corrected
from harness.ops.channels import cat_channels


class Interpolation(nn.Module):
    """H_t and L_t.

    Args:
        first: L_0, L_1 and M, concatenated, to the first H_t.
        hr_correction: H_0, H_1 and M at HR size, concatenated, to what H_t is corrected by.
        enlarge_motion: M to HR size.
        lr_correction: L_0, L_1 and M, concatenated, to what L_t is corrected by.
    """

    def __init__(
        self, *, first: nn.Module, hr_correction: nn.Module, enlarge_motion: nn.Module, lr_correction: nn.Module
    ) -> None:
        super().__init__()
        self.first = first
        self.hr_correction = hr_correction
        self.enlarge_motion = enlarge_motion
        self.lr_correction = lr_correction

    def forward(self, hr: Tensor, motion: Tensor, reduce: nn.Module) -> Features:
        """The features of all three frames.

        Args:
            hr: H_0 and H_1, one after the other, (2B, C, 4h, 4w).
            motion: M, (B, C, h, w).
            reduce: Net_D, H to L.
        """
        hr_0, hr_1 = hr.chunk(2)
        lr_0, lr_1 = reduce(hr).chunk(2)
        seen = cat_channels((lr_0, lr_1, motion))
        hr_t = self.first(seen)
        hr_t = corrected(hr_t, self.hr_correction(cat_channels((hr_0, hr_1, self.enlarge_motion(motion)))))
        lr_t = corrected(reduce(hr_t), self.lr_correction(seen))
        return Features(hr_0, hr_t, hr_1, lr_0, lr_t, lr_1)
