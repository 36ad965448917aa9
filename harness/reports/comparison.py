"""The comparison picture of a run: people look before they read.

Left the whole ground-truth frame with the place of the crop; right the crop of the ground truth and of every method,
each above its error map. All error maps share one scale. Crops are shown pixel by pixel, never smoothed.
"""

from collections.abc import Sequence
from pathlib import Path

from harness.records.store import Run
from harness.reports.picture import draw
from harness.reports.scene import load_scene


def comparison_picture(runs: Sequence[Run], path: Path) -> Path:
    """Draw the picture of these runs on one dataset and write it as PNG.

    Args:
        runs: one run a method, in the order of the picture.
        path: where it goes.

    Raises:
        RecordError: no sample frame that all runs share, a damaged one, or a path that cannot be written.
    """
    return draw(load_scene(runs), path)
