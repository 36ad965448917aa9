"""The sizes of RSTT; the defaults are those of RSTT-L. No torch."""

from pydantic import Field

from harness.cards.base import Model


class RSTTOptions(Model):
    """Which RSTT is built."""

    depth: int = Field(default=8, ge=1, description="blocks of every encoder and decoder: 8 is L, 6 is M, 4 is S")
    channels: int = Field(default=96, ge=16, multiple_of=16, description="of all features; up to 16 heads share them")
    stochastic_depth: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="training: how often the last encoder block is left out; the first never is, others in between",
    )
