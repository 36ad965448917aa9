"""The options of the network: which stages it has and which form each takes. No torch.

Names and meanings are those of the cards in methods/stinet/. The defaults are the card `stinet`: what the paper
describes, in the release's layer sizes. Every value that is accepted here can be built.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from harness.cards.base import Model


class SSROptions(Model):
    """The sizes of S-SR, which must be alike where it is trained and where it works."""

    channels: int = Field(default=64, ge=8, multiple_of=8, description="of all features")
    super_resolution_stages: int = Field(default=5, ge=1, description="S-SR: up units")


class STINetOptions(SSROptions):
    """Which STINet is built. The sizes are the release's, which make the paper's 11.76M parameters."""

    lr_features: bool = Field(default=True, description="the LR branch")
    hr_features: bool = Field(default=True, description="the HR branch")
    flow: Literal["adapted", "raw", "none"] = Field(
        default="adapted", description="input flows scaled by Eq. 1, or as they are, or no motion feature"
    )
    interpolation_shared: bool = Field(
        default=True, description="ST-FI: its residual blocks serve both branches, or each branch has its own"
    )
    interpolation_skip: Literal["none", "concat"] = Field(
        default="none", description="ST-FI: skip around these blocks; the text has one, the release none"
    )
    local_refinement: bool = Field(default=True, description="ST-LR")
    local_shared: bool = Field(
        default=True, description="ST-LR: its convolutions serve both branches, or each branch has its own"
    )
    local_offsets: Literal["both", "lr", "hr"] = Field(
        default="both", description="branches that predict offset features"
    )
    local_interaction: Literal["simple", "concat", "none"] = Field(
        default="simple",
        description="Inet: both branches' offset features meet, as released; and meet their own again, as in the "
        "text; or go on as they are",
    )
    local_hr_alignment: Literal["lr", "hr"] = Field(
        default="lr", description="size at which HR features are aligned: LR, as released, or HR, as in the text"
    )
    global_refinement: Literal["graph", "bdconvlstm", "none"] = Field(default="graph", description="ST-GR")
    graph_edges: Literal["full", "causal"] = Field(
        default="full", description="undirected, as in the text; or earlier to later and HR to LR, as released"
    )
    graph_weights: Literal["attributes", "none"] = Field(
        default="attributes", description="edge attributes weight the messages, or all messages count the same"
    )
    graph_frame_similarity: bool = Field(default=True, description="E^F")
    graph_pixel_similarity: bool = Field(default=True, description="E^P")
    graph_temporal_closeness: bool = Field(default=True, description="E^T")
    graph_gain: float = Field(default=0.1, ge=0, description="of the residual that the graph adds")
    base: Literal["none", "bicubic"] = Field(
        default="none", description="the network makes frames, or adds to a bicubic enlargement and a linear blend"
    )
    interpolation_blocks: int = Field(default=5, ge=1, description="ST-FI: residual blocks in which branches meet")

    @property
    def sides(self) -> tuple[str, ...]:
        """The branches that exist, LR before HR."""
        return tuple(side for side, exists in (("lr", self.lr_features), ("hr", self.hr_features)) if exists)

    @property
    def offset_sides(self) -> tuple[str, ...]:
        """The branches that predict offset features."""
        return tuple(side for side in self.sides if self.local_offsets in ("both", side))

    @property
    def interacts(self) -> bool:
        """Whether two branches predict offset features and let them meet in Inet."""
        return self.local_interaction != "none" and len(self.offset_sides) == 2

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if not self.sides:
            raise ValueError("lr_features and hr_features: one of them at least")
        if not self.offset_sides:
            raise ValueError(f"local_offsets = '{self.local_offsets}': there is no such branch")
        if self.graph_weights == "attributes" and not any(
            (self.graph_frame_similarity, self.graph_pixel_similarity, self.graph_temporal_closeness)
        ):
            raise ValueError("graph_weights = 'attributes' without any attribute: say graph_weights = 'none'")
        borrowed = self.local_refinement and self.local_hr_alignment == "lr"
        if self.global_refinement == "bdconvlstm" and self.hr_features and not borrowed:
            raise ValueError(
                "global_refinement = 'bdconvlstm' takes HR features to LR size by the layers of ST-LR: it needs "
                "local_refinement = true and local_hr_alignment = 'lr'"
            )
        return self


OFFICIAL = STINetOptions(graph_edges="causal", graph_weights="none")
"""The released network, which loads the authors' checkpoint."""
