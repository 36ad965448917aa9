"""Drawing of the comparison picture: everything is placed in inches from the upper left corner."""

import math
import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from harness.reports.scene import Panel, Scene
from harness.reports.style import ACCENT, DPI, FONT, INK, LINE, QUIET, save_figure

_COLOURS = "magma"

_MARGIN, _GAP, _HEADER, _FOOTER = 0.35, 0.12, 0.78, 0.28
_CROP = 1.75
_TITLE, _SCORE, _BETWEEN = 0.44, 0.34, 0.06
_PAIR = _CROP + _BETWEEN + _CROP
"""A crop and its error map."""
_BAND = _TITLE + _PAIR + _SCORE
_MOST_IN_A_BAND = 4
_WIDEST_FRAME, _LEAST_COLUMN = 4.6, 3.4


@dataclass(frozen=True)
class _Page:
    """Where things stand, in inches.

    Up to four methods stand in one band right of the frame, led by the crop of the ground truth. More take two bands;
    the crop of the ground truth then stands below the frame, as large as a crop and its error map together.
    """

    methods: int
    frame_width: float
    frame_height: float

    @property
    def bands(self) -> int:
        return 1 if self.methods <= _MOST_IN_A_BAND else 2

    @property
    def columns(self) -> int:
        return self.methods + 1 if self.bands == 1 else math.ceil(self.methods / 2)

    @property
    def column(self) -> float:
        """The width of what stands left: the frame, the reading help, perhaps the ground truth's crop."""
        return _PAIR if self.bands > 1 else max(self.frame_width, _LEAST_COLUMN)

    @property
    def left(self) -> float:
        """Where the bands begin."""
        return _MARGIN + self.column + 3 * _GAP

    @property
    def width(self) -> float:
        return self.left + self.columns * (_CROP + _GAP) - _GAP + _MARGIN

    @property
    def height(self) -> float:
        return _HEADER + self.bands * _BAND + self.bands * _FOOTER

    @property
    def truth(self) -> tuple[float, float, float]:
        """Left upper corner and side of the ground truth's crop."""
        if self.bands == 1:
            return self.left, _HEADER + _TITLE, _CROP
        return _MARGIN, _HEADER + _BAND + _TITLE, _PAIR

    def method(self, index: int) -> tuple[float, float]:
        """Left upper corner of a method's crop."""
        band, column = divmod(index + (1 if self.bands == 1 else 0), self.columns)
        return self.left + column * (_CROP + _GAP), _HEADER + band * _BAND + _TITLE


def _page(scene: Scene) -> _Page:
    height, width = scene.truth.shape[:2]
    widest = _WIDEST_FRAME if len(scene.panels) <= _MOST_IN_A_BAND else _PAIR
    wide = min(widest, _PAIR * width / height)
    return _Page(len(scene.panels), wide, wide * height / width)


def draw(scene: Scene, path: Path) -> Path:
    """Draw and write a scene. Raises RecordError when the path cannot be written."""
    page = _page(scene)
    figure = Figure(figsize=(page.width, page.height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    _header(figure, page, scene)
    _frame(figure, page, scene)
    _truth(figure, page, scene)
    best = max((panel.psnr for panel in scene.panels if not math.isnan(panel.psnr)), default=math.nan)
    for index, panel in enumerate(scene.panels):
        wins = len(scene.panels) > 1 and round(panel.psnr, 2) == round(best, 2) if panel.score else False
        _method(figure, page, scene, panel, index=index, best=wins)
    return save_figure(figure, path)


def _axes(figure: Figure, page: _Page, *, left: float, top: float, width: float, height: float) -> Axes:
    box = (left / page.width, 1 - (top + height) / page.height, width / page.width, height / page.height)
    axes = figure.add_axes(box, xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color(LINE)
        spine.set_linewidth(0.6)
    return axes


def _text(  # noqa: PLR0913
    figure: Figure,
    page: _Page,
    text: str,
    *,
    left: float,
    top: float,
    size: float,
    colour: str = INK,
    weight: str = "normal",
    centred: bool = False,
    above: bool = False,
) -> None:
    """Text that hangs below `top`, or stands on it with `above`."""
    figure.text(
        left / page.width,
        1 - top / page.height,
        text,
        fontsize=size,
        color=colour,
        fontfamily=FONT,
        fontweight=weight,
        horizontalalignment="center" if centred else "left",
        verticalalignment="baseline" if above else "top",
        linespacing=1.25,
        parse_math=False,
    )


def _header(figure: Figure, page: _Page, scene: Scene) -> None:
    where = f"{scene.dataset}  ·  {scene.clip}  ·  frame {scene.frame}"
    kind = "Given to the methods" if scene.given else "Interpolated: the methods were not given this frame"
    _text(figure, page, where, left=_MARGIN, top=0.25, size=15, weight="bold")
    _text(figure, page, f"{kind}  ·  rate {scene.rate}", left=_MARGIN, top=0.57, size=9.5, colour=QUIET)


def _frame(figure: Figure, page: _Page, scene: Scene) -> None:
    """The whole ground-truth frame, the place of the crop, and how to read the rest."""
    height, width = scene.truth.shape[:2]
    top = _HEADER + _TITLE
    axes = _axes(figure, page, left=_MARGIN, top=top, width=page.frame_width, height=page.frame_height)
    axes.imshow(scene.truth, interpolation="antialiased", aspect="auto")
    _outline(axes, scene)
    title = f"Ground truth, {width} × {height}"
    _text(figure, page, title, left=_MARGIN, top=top - 0.1, size=9.5, weight="bold", above=True)
    side, why = scene.square.side, "the methods differ most" if len(scene.panels) > 1 else "the error is largest"
    reading = (
        f"Crop of {side} × {side} pixels where {why}, pixel by pixel. "
        "Below each crop: |method - truth|, mean of R, G, B."
        + (f" {scene.metric} is that of the whole frame." if scene.metric else "")
    )
    lines = textwrap.fill(reading, width=int(page.column * 16))
    _text(figure, page, lines, left=_MARGIN, top=top + page.frame_height + 0.08, size=8.5, colour=QUIET)


def _outline(axes: Axes, scene: Scene) -> None:
    square = scene.square
    corner = (square.left - 0.5, square.top - 0.5)
    for width, colour in ((4.2, "white"), (2.2, ACCENT)):
        box = Rectangle(
            corner, square.side, square.side, fill=False, linewidth=width, edgecolor=colour, clip_on=False
        )
        axes.add_patch(box)


def _truth(figure: Figure, page: _Page, scene: Scene) -> None:
    """The crop of the ground truth, and below it the scale of the errors."""
    left, top, side = page.truth
    axes = _axes(figure, page, left=left, top=top, width=side, height=side)
    axes.imshow(scene.square.of(scene.truth), interpolation="nearest")
    for spine in axes.spines.values():
        spine.set_color(ACCENT)
        spine.set_linewidth(2.2)
    alone = page.bands > 1
    middle = left if alone else left + side / 2
    title = "Ground truth, crop" if alone else "Ground truth"
    _text(figure, page, title, left=middle, top=top - 0.1, size=9.5, weight="bold", centred=not alone, above=True)
    below = top + side + (0.75 if page.bands == 1 else 0.32)
    scale = _axes(figure, page, left=left + 0.02, top=below, width=side - 0.04, height=0.14)
    largest = scene.largest_error
    scale.imshow(np.linspace(0, 1, 256)[None, :], cmap=_COLOURS, aspect="auto", extent=(0, largest, 0, 1))
    scale.set_xticks([0, largest / 2, largest], ["0", f"{largest / 2:g}", f"≥ {largest:g}"], fontsize=8, color=INK)
    scale.tick_params(length=2, width=0.6, color=QUIET, pad=2)
    # The labels at the ends stay within the scale, clear of its neighbours.
    first, _, last = scale.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")
    _text(figure, page, "Error in 8-bit levels", left=left, top=below - 0.05, size=8.5, above=True)


def _method(figure: Figure, page: _Page, scene: Scene, panel: Panel, *, index: int, best: bool) -> None:
    left, top = page.method(index)
    middle = left + _CROP / 2
    crop = _axes(figure, page, left=left, top=top, width=_CROP, height=_CROP)
    crop.imshow(scene.square.of(panel.frame), interpolation="nearest")
    below = top + _CROP + _BETWEEN
    error = _axes(figure, page, left=left, top=below, width=_CROP, height=_CROP)
    error.imshow(
        scene.square.of(panel.error), cmap=_COLOURS, vmin=0, vmax=scene.largest_error, interpolation="nearest"
    )
    title = "\n".join(textwrap.wrap(panel.title, width=23, max_lines=2, placeholder=" …"))
    _text(figure, page, title, left=middle, top=top - 0.1, size=9.5, weight="bold", centred=True, above=True)
    colour, weight = (ACCENT, "bold") if best else (INK, "normal")
    under = below + _CROP + 0.07
    _text(figure, page, panel.score, left=middle, top=under, size=10, colour=colour, weight=weight, centred=True)
