"""A study: trainings that were planned together, to be compared. What `harness sweep` and `harness ablate` leave.

    results/studies/NAME/study.json    `Study`: rows, seeds, and the key of every training
    results/studies/NAME/logs/         what each cell has printed

A study holds no number. A row's numbers are those of the runs whose weights were trained under the keys of its cells
(`RunHeader.weights[].training.key`); tables and plots look them up: a cell that is run again, or by hand, counts too.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from harness.cards.base import Model, Name
from harness.cards.method import OptionValue
from harness.errors import RecordError, UsageError
from harness.names import suggest

FILE = "study.json"


class StudyRow(Model):
    """One line of the study's table.

    Names may use the paper's own mathematics, as reported records do.
    """

    name: str
    method: str
    changes: dict[str, OptionValue] = Field(default={}, description="of the card: `training.lambda_per`: 0.01")
    rate: int = 2
    paper_row: int | None = Field(default=None, description="of the study's table in the paper")


class StudyCell(Model):
    """One training: a row under one seed."""

    row: int = Field(ge=0, description="index of `rows`")
    seed: int
    key: str = Field(description="of the training, as in the runs of its weights")
    folder: str = Field(description="of the training, below the results folder or absolute")


class Study(Model):
    """What is compared with what."""

    version: Literal[1] = 1
    name: Name
    kind: Literal["sweep", "ablation"]
    table: str | None = Field(default=None, description="of the paper, for ablations")
    full: int | None = Field(default=None, description="index of the row that the others are compared with")
    setting: str = Field(description="recipe, data and first weights, as one hash: that of every training")
    budget: str = Field(description="recipe and data in words; goes into the signature of the table")
    datasets: tuple[str, ...] = Field(description="on which every cell is scored")
    rows: tuple[StudyRow, ...]
    cells: tuple[StudyCell, ...]
    command: str = ""

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the cells, in order."""
        return tuple(dict.fromkeys(cell.seed for cell in self.cells))


def studies(results: Path) -> dict[str, Path]:
    """The studies below a results folder: name -> file."""
    return {path.parent.name: path for path in sorted(results.glob(f"studies/*/{FILE}"))}


def read_study(name: str, results: Path) -> Study:
    """A study by name. Raises UsageError: there is none. RecordError: its file is damaged."""
    known = studies(results)
    if name not in known:
        raise UsageError(f"There is no study '{name}' in {results}.", todo=suggest(name, known))
    try:
        return Study.model_validate_json(known[name].read_bytes())
    except (OSError, ValidationError) as error:
        raise RecordError(
            f"{known[name]} is not a study.", found=str(error), todo="give the command that made it again."
        ) from error
