"""Scores of a clip's frames, in order, on the device that the frames are on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from harness.metrics import get_metric
from harness.metrics.base import FrameMetric, score_frames
from harness.metrics.signature import metric_signature


@dataclass(frozen=True)
class Scorer:
    """The metrics of a run, ready to be asked.

    Attributes:
        metrics: by name.
        signature: metrics, versions and settings as one string.
    """

    metrics: dict[str, FrameMetric]
    signature: str

    @classmethod
    def build(cls, names: Sequence[str], *, border: int, lpips_weights: Path | None = None) -> "Scorer":
        """Load the metrics. Raises UsageError for an unknown name, MissingExtraError where a package is missing."""
        metrics = {name: get_metric(name, border=border, lpips_weights=lpips_weights) for name in names}
        identities = {name: metric.identity for name, metric in metrics.items()}
        return cls(metrics, metric_signature(names, identities))

    def start(self) -> "ClipScorer":
        """Begin a clip: its first frame has none before it."""
        return ClipScorer(self)


@dataclass
class ClipScorer:
    """Asks the metrics about a clip's frames, batch by batch, and remembers the last frame for temporal metrics."""

    scorer: Scorer
    _previous: tuple[Tensor, Tensor] | None = None

    def __call__(self, prediction: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Score the next frames.

        Args:
            prediction: (K, 3, H, W), 0..255 levels.
            truth: the same shape, uint8.

        Returns:
            (K,) float64 for every metric.
        """
        if not len(prediction):
            return {}
        scores = score_frames(self.scorer.metrics, prediction, truth, previous=self._previous)
        self._previous = (prediction[-1], truth[-1])
        return scores
