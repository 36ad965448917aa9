"""A request for a study of the stand-in, in this process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.cards import CardLibrary
from harness.records.study import StudyRow
from harness.studies.commands import Places
from harness.studies.plan import StudyPlan, StudyRequest, plan_study
from tests.studies.setting import Bench
from tests.training.setting import TINY

Planner = Callable[..., StudyPlan]


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.end()


@pytest.fixture
def plan(clips: Bench, tmp_path: Path) -> Planner:
    """Plans a study: plan(rows, sets=(...), seeds=2, ...)."""

    def go(
        *rows: StudyRow,
        sets: tuple[str, ...] = (),
        full: int | None = None,
        seeds: int = 1,
        datasets: tuple[str, ...] = ("frames",),
        name: str = "tried",
        recipe: str | None = "smoke",
        data: str | None = None,
    ) -> StudyPlan:
        tiny = tuple(f"recipe.{key}={value}" for key, value in TINY.items())
        request = StudyRequest(
            kind="sweep",
            rows=rows,
            full=full,
            data=data or str(clips.home / "clips"),
            recipe=recipe,
            sets=(*tiny, *sets),
            seeds=seeds,
            datasets=datasets,
            places=Places(tmp_path / "results", clips.home / "data"),
            name=name,
        )
        return plan_study(request, CardLibrary())

    return go
