"""The network's options; the defaults are the only configuration that its authors have published. No torch."""

from typing import Literal, Self

from pydantic import Field, model_validator

from harness.cards.base import Model


class DAVSROptions(Model):
    """Which DAVSR is built."""

    time_factor: int = Field(default=5, ge=1, description="output frames for each input frame: the rate")
    exposure: Literal["open", "instant"] = Field(
        default="open",
        description="what an input frame is: the mean of as many sharp frames as the rate, which centre on it, as "
        "published; or one sharp frame",
    )
    initial: Literal["slomo", "linear"] = Field(
        default="slomo", description="frames between others before the first step: Super SloMo, frozen; or a blend"
    )
    iterations: int = Field(default=3, ge=1, description="of data step and prior step")
    channels: int = Field(default=64, ge=8, multiple_of=8, description="of the prior's features")
    feature_blocks: int = Field(default=5, ge=1, description="residual blocks at the prior's start and at its end")
    propagation_blocks: int = Field(default=7, ge=1, description="residual blocks in each of its four propagations")
    slomo_channels: int = Field(default=32, ge=1, description="of Super SloMo's features at full size")

    @model_validator(mode="after")
    def _frames_centre_on_frames(self) -> Self:
        if self.exposure == "open" and self.time_factor % 2 == 0:
            raise ValueError(
                "exposure = 'open' needs an odd time_factor: an input frame is the mean of the frames around it"
            )
        return self

    @property
    def lead(self) -> int:
        """Output frames before the one that shows the same moment as the first input frame."""
        return self.time_factor // 2 if self.exposure == "open" else 0
