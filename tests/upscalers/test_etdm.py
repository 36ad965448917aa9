"""ETDM as a super-resolver: a clip is its stream, what is kept does not grow, and frames have a margin."""

import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.cards import CardLibrary
from harness.errors import DataError, UsageError
from harness.networks.etdm.build import etdm
from harness.upscalers import etdm as module
from harness.upscalers.build import build_upscaler
from harness.upscalers.etdm import ETDMSuperResolver
from tests.networks.clips import distance
from tests.networks.release import weights
from tests.upscalers.small_stinet import clip


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> ETDMSuperResolver:
    monkeypatch.setattr(module, "etdm", partial(etdm, channels=8, blocks=3, fusion_blocks=1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        built = ETDMSuperResolver()
        for parameter in built.parameters():
            nn.init.normal_(parameter, std=0.5 * parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.05)
    return built.eval().requires_grad_(False)


@pytest.mark.parametrize("given", [1, 2, 3, 4, 7])
def test_a_stream_gives_the_frames_of_the_clip(small: ETDMSuperResolver, given: int) -> None:
    frames = clip(given)
    whole = small.super_resolve(frames)
    assert whole.shape == (given, 3, 4 * frames.shape[2], 4 * frames.shape[3])
    assert torch.equal(torch.stack(list(small.stream(iter(frames)))), whole)


def test_frames_are_mirrored_at_the_border(small: ETDMSuperResolver) -> None:
    frames = clip(4)
    padded = F.pad(frames, (2, 2, 2, 2), mode="reflect")
    wanted = small.network(padded.unsqueeze(0))[0, :, :, 8:-8, 8:-8]
    assert distance(small.super_resolve(frames), wanted) < 1e-5
    bare = small.network(frames.unsqueeze(0))[0]
    assert distance(small.super_resolve(frames), bare) > 1e-2
    assert distance(small.super_resolve(clip(2, height=3, width=3)), torch.zeros(2, 3, 12, 12)) < 10
    with pytest.raises(DataError, match="at least 3 pixels"):
        small.super_resolve(clip(2, height=2, width=8))


def test_what_is_kept_does_not_grow(small: ETDMSuperResolver) -> None:
    alive, most = [], []

    def source() -> Iterator[Tensor]:
        for frame in clip(12).unbind():
            own = frame.clone()
            alive.append(weakref.ref(own))
            most.append(sum(one() is not None for one in alive))
            yield own

    given: list[weakref.ref[Tensor]] = []
    for upscaled in small.stream(source()):
        given.append(weakref.ref(upscaled))
    assert len(given) == len(alive) == 12
    assert max(most) <= 2, "what is kept are the padded frames"
    assert sum(one() is not None for one in given) <= 1


def test_it_knows_one_scale() -> None:
    with pytest.raises(UsageError, match="scale 2"):
        ETDMSuperResolver(scale=2)


def test_the_authors_file_is_loaded_behind_an_interpolator(tmp_path: Path) -> None:
    library = CardLibrary()
    file = tmp_path / library.method("etdm").weights["authors"].file
    file.parent.mkdir()
    torch.save({f"module.{name}": value for name, value in weights("etdm", "public").items()}, file)
    built = build_upscaler(library.method("blend+etdm"), library, folder=tmp_path)
    assert [(one.tag, one.degradation) for one in built.weights] == [("authors", "gaussian-blur")]
    (loaded,) = (part for part in built.upscaler.modules() if isinstance(part, ETDMSuperResolver))
    assert torch.equal(loaded.network.flow.get_buffer("mean"), weights("etdm", "public")["spynet.mean"])
