"""The options of the network: TMNet, and the rows of STINet's Table VI that change its layers. No torch."""

from typing import Literal

from pydantic import Field

from harness.networks.zooming_slow_mo.options import ZoomingSlowMoOptions


class TMNetOptions(ZoomingSlowMoOptions):
    """Which network is built. The defaults make the paper's 12.26M parameters."""

    hr_features: bool = Field(default=False, description="HR features in a branch of their own, as STINet has them")
    global_refinement: Literal["bdconvlstm", "graph"] = Field(
        default="bdconvlstm", description="the deformable ConvLSTM, or STINet's ST-GR in its place"
    )
    super_resolution_stages: int = Field(default=5, ge=1, description="hr_features: up units of STINet's S-SR")
