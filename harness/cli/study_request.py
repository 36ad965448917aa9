"""What the command lines of `harness sweep` and `harness ablate` say, as a request for a study."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.cli.common import data_root, results_folder

if TYPE_CHECKING:
    from harness.cards import CardLibrary
    from harness.records.study import StudyRow
    from harness.studies.plan import StudyRequest


@dataclass(frozen=True)
class How:
    """How the cells of a study are run.

    Args:
        devices: by name; several run as many cells at once.
        ray: address of a Ray cluster; None: here.
        gpus: of a cluster's node that a cell takes; None: one where there are some.
        cpus: of a cluster's node that a cell takes.
        dry_run: only say what would be done.
        json: the product is JSON.
    """

    devices: Sequence[str] = ()
    ray: str | None = None
    gpus: float | None = None
    cpus: float = 1
    dry_run: bool = False
    json: bool = False


@dataclass(frozen=True)
class Shared:
    """What the command line says of all cells, as it is given; see `study_options`."""

    data: str
    recipe: str | None
    sets: tuple[str, ...]
    seeds: int
    datasets: tuple[str, ...]
    init: Path | None
    vgg: Path | None
    half: bool
    name: str | None
    data_root: Path | None
    results: Path | None
    cards: tuple[Path, ...]
    plugins: tuple[Path, ...]

    def library(self) -> "CardLibrary":
        """The cards that the cells see; plug-ins are loaded."""
        from harness.cards import CardLibrary, card_folders
        from harness.upscalers.registry import load_plugin

        for file in self.plugins:
            load_plugin(file)
        return CardLibrary(card_folders(self.cards))

    def request(
        self,
        kind: Literal["sweep", "ablation"],
        rows: "tuple[StudyRow, ...]",
        full: int | None,
        *,
        library: "CardLibrary",
        on_ray: bool,
        about: Sequence[str],
        table: str | None = None,
    ) -> "StudyRequest":
        """The request for a study of these rows; with Ray, all paths are absolute. `about` names it by default."""
        from harness.studies.commands import Places
        from harness.studies.names import default_name
        from harness.studies.plan import StudyRequest, default_datasets

        places = Places(
            results=results_folder(self.results),
            data_root=data_root(self.data_root),
            cards=self.cards,
            plugins=self.plugins,
            initial=self.init,
            vgg=self.vgg,
        )
        data, recipe = self.data, self.recipe
        names = [Path(data).resolve().name, *([Path(recipe).stem] if recipe else [])]
        if on_ray:
            places = places.absolute()
            data = data if data == "demo" else str(Path(data).absolute())
            recipe = str(Path(recipe).absolute()) if recipe is not None and recipe.endswith(".toml") else recipe
        return StudyRequest(
            kind=kind,
            rows=rows,
            full=full,
            table=table,
            data=data,
            recipe=recipe,
            sets=self.sets,
            seeds=self.seeds,
            datasets=default_datasets(self.datasets, library, places.data_root),
            places=places,
            half=self.half,
            name=self.name or default_name(*about, *names),
            command=shlex.join(["harness", *sys.argv[1:]]),
        )
