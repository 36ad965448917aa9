"""The sizes of the network; the defaults are those of EDVR-L, released for Vimeo-90K: 20.7M parameters. No torch."""

from typing import Self

from pydantic import Field, model_validator

from harness.cards.base import Model


class EDVROptions(Model):
    """Which network is built."""

    channels: int = Field(default=128, ge=8, multiple_of=8, description="of all features up to full size")
    feature_blocks: int = Field(default=5, ge=1, description="residual blocks on each frame")
    reconstruction_blocks: int = Field(default=40, ge=1, description="residual blocks on the fused frames")
    frames: int = Field(default=7, ge=3, description="that make one: an odd number, with the frame in the middle")

    @model_validator(mode="after")
    def _has_a_middle(self) -> Self:
        if self.frames % 2 == 0:
            raise ValueError("frames should be odd: as many before the frame as after it")
        return self
