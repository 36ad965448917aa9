"""Drawing of Fig. 7: a column of panels a weight, PSNR above SSIM, everything placed in inches.

Weights lie on a logarithmic axis; zero, which has no place there, stands left of it behind a dotted line. Means over
seeds carry their standard deviation, single seeds are dots beside them; an open mark lacks seeds. Both columns share
their heights, so that the two weights can be compared.
"""

import math
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from harness.records.seeds import Seeds
from harness.reports.layouts import paper_layouts
from harness.reports.loss_weights import LossWeights, Panel
from harness.reports.model import Column
from harness.reports.style import ACCENT, DPI, FONT, INK, LINE, QUIET, check_suffix, save_figure

_OTHERS = ("#c2571a", "#2e8b57", "#8e5bb5", "#b8860b", "#5f6b7a", "#c2185b", "#1b7f8c")
"""Inks of the curves after the first one, which has the accent."""

_WIDE, _HIGH, _BESIDE, _BETWEEN = 2.95, 1.65, 0.3, 0.16
_LEFT, _RIGHT, _TOP, _AXIS, _LEGEND = 0.82, 0.18, 0.66, 0.56, 0.17
_SMALL, _LINE_HEIGHT, _CHARACTERS = 6.6, 0.118, 19.5
"""Small print: points, inches from line to line, characters that fit into an inch."""

_ZERO_GAP, _EDGE, _LEAST_STEP, _DOTS, _STEP = 0.28, 0.09, 0.08, 0.022, 0.013
"""Parts of the axis: from zero to the least weight, beyond the ends, between two labels, from a mean to its seeds,
between the marks of two curves at one weight."""

_MOST_IN_A_LINE = 4
"""Curves in one line of the legend."""


@dataclass(frozen=True)
class _Axis:
    """Where weights stand: at their logarithms, and zero left of them."""

    weights: tuple[float, ...]

    @property
    def _logarithms(self) -> list[float]:
        return [math.log10(weight) for weight in self.weights if weight > 0]

    @property
    def _span(self) -> float:
        return max(self._logarithms) - min(self._logarithms) or 1.0

    def at(self, weight: float) -> float:
        return math.log10(weight) if weight > 0 else min(self._logarithms) - _ZERO_GAP * self._span

    @property
    def limits(self) -> tuple[float, float]:
        return self.at(min(self.weights)) - _EDGE * self._span, self.at(max(self.weights)) + _EDGE * self._span

    @property
    def length(self) -> float:
        return self.limits[1] - self.limits[0]

    def labelled(self, first: float) -> list[float]:
        """The weights whose labels do not touch: `first` and the ends before the others."""
        shown: list[float] = []
        for weight in dict.fromkeys((first, min(self.weights), max(self.weights), *self.weights)):
            if weight in self.weights and all(
                abs(self.at(weight) - self.at(one)) >= _LEAST_STEP * self.length for one in shown
            ):
                shown.append(weight)
        return shown


@dataclass(frozen=True)
class _Page:
    """Where things stand, in inches."""

    columns: int
    rows: int
    legend: int
    notes: int = 0

    @property
    def width(self) -> float:
        return _LEFT + self.columns * (_WIDE + _BESIDE) - _BESIDE + _RIGHT

    @property
    def small_print(self) -> float:
        """The height of what stands below the axes."""
        return self.notes * _LINE_HEIGHT + 0.12

    @property
    def height(self) -> float:
        return self.top + self.rows * (_HIGH + _BETWEEN) - _BETWEEN + _AXIS + self.small_print

    @property
    def top(self) -> float:
        """Where the panels begin."""
        return _TOP + self.legend * _LEGEND

    def box(self, row: int, column: int) -> tuple[float, float, float, float]:
        left = _LEFT + column * (_WIDE + _BESIDE)
        bottom = self.height - self.top - row * (_HIGH + _BETWEEN) - _HIGH
        return left / self.width, bottom / self.height, _WIDE / self.width, _HIGH / self.height


def draw_loss_weights(figure: LossWeights, path: Path) -> Path:
    """Draw and write the figure as PNG, PDF or SVG.

    Raises:
        UsageError: a suffix of another format.
        RecordError: the path cannot be written.
    """
    check_suffix(path)
    lines = math.ceil(max(len(panel.curves) for panel in figure.panels) / _MOST_IN_A_LINE)
    page = _Page(len(figure.panels), len(figure.columns), lines)
    most = int((page.width - 2 * _RIGHT) * _CHARACTERS)
    notes = [line for note in _notes(figure) for line in textwrap.wrap(note, most, break_on_hyphens=False)]
    page = replace(page, notes=len(notes))
    canvas = Figure(figsize=(page.width, page.height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(canvas)
    for row, metric in enumerate(figure.columns):
        shared: Axes | None = None
        for column, panel in enumerate(figure.panels):
            axes = canvas.add_axes(page.box(row, column), sharey=shared)
            shared = shared or axes
            _Plot(axes, panel, metric).draw()
            _frame(axes, panel, metric, lowest=row == page.rows - 1, leftmost=column == 0)
            if row == 0:
                _legend(axes, panel)
    where = f"{figure.title} on {figure.dataset_title}"
    _text(canvas, page, where, top=0.16, size=11, weight="bold")
    _text(canvas, page, f"Weights of the loss  ·  rate {figure.rate}", top=0.36, size=8, ink=QUIET)
    _text(canvas, page, "\n".join(notes), top=page.height - page.small_print, size=_SMALL, ink=QUIET)
    return save_figure(canvas, path)


def _text(
    canvas: Figure, page: _Page, text: str, *, top: float, size: float, ink: str = INK, weight: str = "normal"
) -> None:
    canvas.text(
        _RIGHT / page.width,
        1 - top / page.height,
        text,
        fontsize=size,
        color=ink,
        fontfamily=FONT,
        fontweight=weight,
        verticalalignment="top",
        linespacing=1.25,
        parse_math=False,
    )


@dataclass(frozen=True)
class _Plot:
    """The curves of one panel under one metric."""

    axes: Axes
    panel: Panel
    metric: Column

    @property
    def axis(self) -> _Axis:
        return _Axis(tuple(sorted({point.weight for curve in self.panel.curves for point in curve.points})))

    def draw(self) -> None:
        axis, axes = self.axis, self.axes
        chosen = paper_layouts().loss_weights[self.panel.weight].chosen
        axes.axvline(axis.at(chosen), color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        for index in range(len(self.panel.curves)):
            self._curve(index)
        labelled = axis.labelled(chosen)
        axes.set_xlim(axis.limits)
        axes.set_xticks([axis.at(weight) for weight in labelled], [f"{weight:g}" for weight in labelled])
        axes.set_xticks([axis.at(weight) for weight in axis.weights if weight not in labelled], minor=True)

    def _curve(self, index: int) -> None:
        name, curves = self.metric.metric, self.panel.curves
        # The first curve lies above the others; marks at one weight stand side by side.
        ink, layer = _ink(index), 2 + len(curves) - index
        aside = (index - (len(curves) - 1) / 2) * _STEP * self.axis.length
        points = [(point.weight, point.scores[name]) for point in curves[index].points if name in point.scores]
        places = [self.axis.at(weight) + aside for weight, _ in points]
        means = [scores.mean for _, scores in points]
        zero = sum(weight == 0 for weight, _ in points)
        dotted = (0, (1.0, 1.6))
        self.axes.plot(places[: zero + 1], means[: zero + 1], color=ink, lw=1.2, linestyle=dotted, zorder=layer)
        self.axes.plot(places[zero:], means[zero:], color=ink, lw=1.4, zorder=layer)
        for place, (_, scores) in zip(places, points, strict=True):
            self._point(place, scores, ink=ink, layer=layer)

    def _point(self, place: float, scores: Seeds, *, ink: str, layer: int) -> None:
        self.axes.errorbar(
            place,
            scores.mean,
            yerr=scores.deviation,
            color=ink,
            marker="o",
            markersize=4.6,
            markeredgewidth=1.1,
            markerfacecolor=ink if scores.complete else "white",
            elinewidth=1.0,
            capsize=2.4,
            zorder=layer + 0.5,
        )
        if len(scores.values) > 1 and len(self.panel.curves) == 1:
            beside = [place + _DOTS * self.axis.length] * len(scores.values)
            self.axes.plot(
                beside, list(scores.values.values()), "o", color=ink, ms=2.2, mew=0, alpha=0.6, zorder=layer
            )


def _ink(index: int) -> str:
    return ACCENT if index == 0 else _OTHERS[(index - 1) % len(_OTHERS)]


def _frame(axes: Axes, panel: Panel, metric: Column, *, lowest: bool, leftmost: bool) -> None:
    """Spines, ticks and what stands at the axes."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(QUIET)
        spine.set_linewidth(0.7)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.margins(y=0.12)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], min_n_ticks=3))
    axes.yaxis.set_major_formatter(ScalarFormatter(useOffset=False))
    axes.tick_params(which="both", labelsize=8, length=2.5, width=0.7, color=QUIET, labelcolor=INK)
    axes.tick_params(labelleft=leftmost, labelbottom=lowest)
    if leftmost:
        axes.set_ylabel(f"{metric.title} ({metric.unit})" if metric.unit else metric.title, fontsize=9, color=INK)
        axes.yaxis.set_label_coords(-0.185, 0.5)
    if lowest:
        layout = paper_layouts().loss_weights[panel.weight]
        axes.set_xlabel(f"{layout.symbol}, weight of the {layout.loss}", fontsize=9, color=INK, labelpad=4)


def _legend(axes: Axes, panel: Panel) -> None:
    """Above the panel: the value of the other weight, curve by curve."""
    other = paper_layouts().loss_weights[panel.other].symbol
    lines = [
        axes.plot([], [], color=_ink(index), marker="o", ms=3.6, lw=1.4, label=f"{other} = {curve.other:g}")[0]
        for index, curve in enumerate(panel.curves)
    ]
    axes.legend(
        handles=lines,
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=_MOST_IN_A_LINE,
        frameon=False,
        fontsize=7.5,
        labelcolor=INK,
        handlelength=1.3,
        handletextpad=0.4,
        columnspacing=0.9,
        borderaxespad=0.2,
    )


def _notes(figure: LossWeights) -> Iterator[str]:
    """The small print: how to read it, and what the numbers are."""
    chosen = dict.fromkeys(f"{paper_layouts().loss_weights[panel.weight].chosen:g}" for panel in figure.panels)
    numbers = "One seed"
    if figure.seeds > 1:
        alone = any(len(panel.curves) == 1 for panel in figure.panels)
        dots = "; dots: single seeds" if alone else ""
        fewer = "; open: fewer seeds" if figure.has_fewer else ""
        numbers = f"Mean ± standard deviation over {figure.seeds} seeds{dots}{fewer}"
    yield f"{numbers}. Dashed: the paper's {' and '.join(chosen)}."
    # A signature may be broken after each of its parts.
    yield "Signature: " + figure.signature.replace("|", "\N{NO-BREAK SPACE}| ")
