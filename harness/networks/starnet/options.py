"""The network's options; the defaults are the released network, of the paper's 111.61M parameters. No torch."""

from pydantic import Field

from harness.cards.base import Model


class STARnetOptions(Model):
    """Which STARnet is built."""

    flow_refinement: bool = Field(
        default=True, description="a UNet corrects the flows; the authors train without it first, then with it"
    )
    channels: int = Field(default=64, ge=4, multiple_of=4, description="of HR features; LR ones have twice as many")
    residual_blocks: int = Field(default=5, ge=1, description="residual blocks in each of the large stages")
    super_resolution_stages: int = Field(default=3, ge=1, description="up units of the super-resolution")
