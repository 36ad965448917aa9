"""The sizes of the network; the defaults are the release's, which make the paper's 11.10M parameters. No torch."""

from pydantic import Field

from harness.cards.base import Model


class ZoomingSlowMoOptions(Model):
    """Which network is built."""

    channels: int = Field(default=64, ge=8, multiple_of=8, description="of all features")
    feature_blocks: int = Field(default=5, ge=1, description="residual blocks on the given frames")
    reconstruction_blocks: int = Field(default=40, ge=1, description="residual blocks on all frames")
