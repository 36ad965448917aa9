"""A folder of clips that move, and a training of the stand-in on it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cards.library import CardLibrary
from harness.cards.overrides import Overrides
from harness.training.train import Trained, TrainRequest, plan_training, train
from tests.training.setting import TINY, Listener, write_clips

Run = Callable[..., Trained]


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def run(clips: Path, tmp_path: Path) -> Run:
    """Trains the stand-in: run(out="a", sets=["training.lambda_mcl=0.1"], iterations=4, ...)."""

    def go(
        *,
        out: str = "out",
        sets: tuple[str, ...] = (),
        seed: int = 0,
        listener: Listener | None = None,
        initial: Path | None = None,
        half: bool = False,
        **changes: object,
    ) -> Trained:
        request = TrainRequest(
            method="standin",
            data=str(clips),
            recipe="smoke",
            overrides=Overrides.parse(sets),
            recipe_changes={**TINY, **changes},
            out=tmp_path / out,
            seed=seed,
            initial=initial,
            half=half,
        )
        return train(request, plan_training(request, CardLibrary()), listener or Listener())

    return go
