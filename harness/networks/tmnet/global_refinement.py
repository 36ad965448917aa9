"""The stage that refines every frame by all others: TMNet's own, and STINet's in its place (Table VI, "w/ ST-GR").

Both take a sequence (T, B, C, h, w) and the times of its frames, (T,) or (B, T), and return such a sequence.
"""

from torch import Tensor, nn

from harness.networks.layers.conv_lstm import BidirectionalConvLSTM


class Recurrence(nn.Module):
    """Zooming Slow-Mo's bidirectional deformable ConvLSTM, at the size of the features, unpadded."""

    def __init__(self, lstm: BidirectionalConvLSTM) -> None:
        super().__init__()
        self.lstm = lstm

    def forward(self, sequence: Tensor, times: Tensor) -> Tensor:
        """The fused states; times do not matter to a recurrence."""
        del times
        states: Tensor = self.lstm(sequence)
        return states


class Graph(nn.Module):
    """STINet's ST-GR on LR features alone: a node for each frame.

    Args:
        stage: `GraphRefinement`.
    """

    def __init__(self, stage: nn.Module) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, sequence: Tensor, times: Tensor) -> Tensor:
        """The sequence, its channels scaled."""
        refined = self.stage({"lr": sequence}, times)
        scaled: Tensor = refined.features["lr"] * refined.gain["lr"].to(sequence.dtype)
        return scaled
