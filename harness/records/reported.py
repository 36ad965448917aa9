"""The numbers that papers printed, as records of kind `reported`. No torch.

`results/reported/SOURCE.jsonl` holds one `ReportedLine` a table cell; SOURCE is the method card whose citation is
the paper. `stinet.jsonl` is Tables I to VI of Yue, Shi and Ding, "Enhancing Space-time Video Super-resolution via
Spatial-temporal Feature Interaction", cell by cell as printed: rows in the paper's order, PSNR in dB, speed in frames
a second. A cell that the paper leaves empty has the value null, and a doubtful one is kept; both carry a note.
"""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from harness.cards.library import shipped_folder
from harness.cards.validation import explain
from harness.errors import RecordError
from harness.records.schema import ReportedLine


def load_reported(folder: Path | None = None) -> tuple[ReportedLine, ...]:
    """All reported numbers, in the order of their files.

    Args:
        folder: where the `.jsonl` files lie; default the shipped ones.

    Raises:
        RecordError: no such folder, a line that is not a reported number, or a cell that is there twice.
    """
    place = folder if folder is not None else shipped_folder("reported")
    if not place.is_dir():
        raise RecordError(f"Reported numbers are wanted in {place}.", found="there is no such folder")
    lines: dict[tuple[object, ...], ReportedLine] = {}
    for path in sorted(place.glob("*.jsonl")):
        for where, line in _read(path):
            cell = (line.source, line.table, line.row, line.rate, line.dataset, line.metric)
            if cell in lines:
                raise RecordError(f"{where}: this cell is there twice.", todo="keep one of the two lines.")
            lines[cell] = line
    return tuple(lines.values())


def _read(path: Path) -> Iterator[tuple[str, ReportedLine]]:
    try:
        texts = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path} cannot be read.", found=str(error)) from error
    for number, text in enumerate(texts, start=1):
        where = f"{path}, line {number}"
        try:
            line = ReportedLine.model_validate_json(text)
        except ValidationError as error:
            raise RecordError(f"{where} is not a reported number.", found=explain(error, ReportedLine)) from error
        if line.source != path.stem:
            raise RecordError(
                f"{where}: the source must be the file's own name.", found=f"'{line.source}' in {path.name}"
            )
        yield where, line
