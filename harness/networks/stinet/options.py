"""The options of the network: which stages it has and which form each takes. No torch.

Names and meanings are those of the cards in methods/stinet/. The defaults are the released network; every value
that is accepted here can be built.
"""

from typing import Literal

from pydantic import Field

from harness.cards.base import Model


class STINetOptions(Model):
    """Which STINet is built. Sizes are not options: the release's layer sizes are the paper's 11.76M."""

    lr_features: Literal[True] = Field(default=True, description="the LR branch")
    hr_features: Literal[True] = Field(default=True, description="the HR branch")
    flow: Literal["adapted", "raw"] = Field(default="adapted", description="input flows scaled by Eq. 1 or not")
    interpolation_shared: bool = Field(
        default=True, description="ST-FI: its five residual blocks serve both branches, or each branch has its own"
    )
    interpolation_skip: Literal["none"] = Field(default="none", description="ST-FI: skip around these blocks")
    local_refinement: bool = Field(default=True, description="ST-LR")
    local_shared: Literal[True] = Field(default=True, description="ST-LR: its convolutions serve both branches")
    local_offsets: Literal["both"] = Field(default="both", description="branches that predict offset features")
    local_interaction: Literal["simple", "none"] = Field(
        default="simple", description="Inet: both branches' offset features meet, or go on as they are"
    )
    local_hr_alignment: Literal["lr"] = Field(default="lr", description="size at which HR features are aligned")
    global_refinement: Literal["graph", "none"] = Field(default="graph", description="ST-GR")
    graph_edges: Literal["causal", "full"] = Field(
        default="causal", description="earlier to later and HR to LR, as released; or undirected, as in the text"
    )
    graph_weights: Literal["none"] = Field(default="none", description="edge attributes that weight the messages")
    graph_gain: float = Field(default=0.1, ge=0, description="of the residual that the graph adds")


OFFICIAL = STINetOptions()
"""The released network, which loads the authors' checkpoint."""
