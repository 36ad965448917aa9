"""The sizes of VideoINR; the defaults are the release's, which make the paper's 11.31M parameters. No torch."""

from harness.networks.zooming_slow_mo.options import ZoomingSlowMoOptions


class VideoINROptions(ZoomingSlowMoOptions):
    """Which VideoINR is built: Zooming Slow-Mo's sizes are those of its encoder."""
