"""How pictures look, and how they are written: inks, font, and the same bytes for the same input.

Only matplotlib's objects are used, never pyplot: no window, no global state. A module that draws imports matplotlib;
verbs import such modules when they draw.
"""

from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from harness.errors import RecordError, UsageError
from harness.names import suggest

ACCENT = "#0a7fd0"
INK, QUIET, LINE = "#16161a", "#6b6b76", "#d9d9e0"
FONT = "DejaVu Sans"
DPI = 160

_METADATA: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    ".svg": {"Date": None, "Creator": None},
}
"""By suffix, what would differ from one moment or version to another."""


def check_suffix(path: Path) -> Path:
    """The path, where its suffix says a format that pictures have. Raises UsageError."""
    if path.suffix.lower() not in _METADATA:
        known = [suffix.removeprefix(".") for suffix in _METADATA]
        raise UsageError(
            "The suffix of a picture says its format.",
            found=path.name,
            todo=suggest(path.suffix.removeprefix("."), known),
        )
    return path


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, PDF or SVG, as the suffix says, whole or not at all.

    Raises:
        UsageError: another suffix.
        RecordError: the path cannot be written.
    """
    suffix = check_suffix(path).suffix.lower()
    draft = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Letters stay letters in PDF; names in SVG are the same each time.
        with rc_context({"pdf.fonttype": 42, "svg.hashsalt": "harness"}):
            figure.savefig(draft, format=suffix.removeprefix("."), metadata=_METADATA[suffix])
        draft.replace(path)
    except OSError as error:
        raise RecordError(
            f"{path} cannot be written.", found=error.strerror or str(error), todo="give another place, or make room."
        ) from error
    return path
