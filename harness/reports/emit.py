"""Tables in every format, and as files."""

from collections.abc import Callable
from pathlib import Path

from harness.errors import RecordError, UsageError
from harness.names import suggest
from harness.reports.data import as_csv, as_json
from harness.reports.emit_latex import as_latex
from harness.reports.emit_markdown import as_markdown
from harness.reports.emit_text import as_rich, as_text
from harness.reports.model import Table

__all__ = ["FORMATS", "as_csv", "as_json", "as_latex", "as_markdown", "as_rich", "as_text", "emit", "write_tables"]

FORMATS: dict[str, Callable[[Table], str]] = {
    "text": as_text,
    "md": as_markdown,
    "latex": as_latex,
    "csv": as_csv,
    "json": lambda table: as_json(table) + "\n",
}
_SUFFIXES = {"md": ".md", "latex": ".tex", "csv": ".csv", "json": ".json"}


def emit(table: Table, form: str = "text") -> str:
    """The table as text that ends with a newline. Raises UsageError for a format that is not in `FORMATS`."""
    if form not in FORMATS:
        raise UsageError(f"There is no format '{form}'.", todo=suggest(form, FORMATS))
    return FORMATS[form](table)


def write_tables(table: Table, folder: Path, *, stem: str | None = None) -> tuple[Path, ...]:
    """Write Markdown, LaTeX, CSV and JSON below `folder`, as `table-KEY.*`. Raises RecordError when it cannot."""
    name = stem or f"table-{table.key}"
    return tuple(write(emit(table, form), folder / f"{name}{suffix}") for form, suffix in _SUFFIXES.items())


def write(text: str, path: Path) -> Path:
    """Put a product on disk, whole or not at all. Raises RecordError naming the path and what is wrong with it."""
    draft = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise RecordError(
            f"{path} cannot be written.", found=error.strerror or str(error), todo="give another place, or make room."
        ) from error
    return path
