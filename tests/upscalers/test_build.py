"""From cards to upscalers: composition, options, weights, and errors that help."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from harness.cards import CardLibrary, MethodCard, Overrides, WeightsFile
from harness.cards.library import compose, compose_plugin
from harness.errors import CardError, DataError, UsageError
from harness.flow.farneback import Farneback
from harness.networks.state import read_state, sha256_of
from harness.ops.resize import resize
from harness.upscalers import registry
from harness.upscalers.base import Flows, Upscaler
from harness.upscalers.build import build_upscaler
from harness.upscalers.interpolation import Nearest
from harness.upscalers.registry import find_network, load_plugin, networks, register


class Gain(Upscaler):
    """A learned upscaler of one parameter."""

    def __init__(self, options: object = None, *, scale: int = 4) -> None:
        super().__init__(scale=scale)
        self.gain = nn.Parameter(torch.ones(1))

    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        hr_clip = resize(lr_clip, scale=self.scale)
        return self.gain * hr_clip.repeat_interleave(rate, dim=0)[: (len(hr_clip) - 1) * rate + 1]


NETWORKS = (("test-gain", Gain, True),)


@pytest.fixture
def library() -> CardLibrary:
    return CardLibrary()


def gain_card(**weights: str | None) -> MethodCard:
    files = {"ours": WeightsFile.model_validate({"source": "here", "licence": "none", **weights})}
    return compose_plugin("test-gain").model_copy(update={"weights": files})


def test_bicubic_is_matlab_bicubic_and_a_linear_blend(library: CardLibrary) -> None:
    clip = torch.rand(3, 3, 12, 16, generator=torch.Generator().manual_seed(0))
    out = build_upscaler(library.method("bicubic"), library).upscaler(clip, 2)
    hr_clip = resize(clip, scale=4)
    assert out.shape == (5, 3, 48, 64)
    assert torch.allclose(out[::2], hr_clip, atol=1e-6)
    assert torch.allclose(out[1], (hr_clip[0] + hr_clip[1]) / 2, atol=1e-6)


def test_any_interpolator_with_any_super_resolver(library: CardLibrary) -> None:
    built = build_upscaler(compose("nearest+bicubic"), library)
    assert built.network_versions == {"nearest": "1", "bicubic": "1"}
    assert built.upscaler(torch.rand(2, 3, 8, 8), 2).shape == (3, 3, 32, 32)


def test_the_order_of_stages_is_an_option(library: CardLibrary) -> None:
    card = Overrides.parse(["options.order=super-resolution-first"]).apply(library.method("farneback+bicubic"))
    clip = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    first = build_upscaler(library.method("farneback+bicubic"), library).upscaler(clip, 2)
    other = build_upscaler(card, library).upscaler(clip, 2)
    assert other.shape == first.shape
    assert torch.allclose(other[::2], first[::2], atol=1e-6)
    assert not torch.allclose(other[1], first[1], atol=1e-3)


def test_the_version_of_the_flow_is_part_of_the_method(library: CardLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    card = library.method("farneback+bicubic")
    before = build_upscaler(card, library).network_versions
    assert before == {"farneback": "1", "bicubic": "1", f"flow:{Farneback.name}": str(Farneback.version)}
    monkeypatch.setattr(Farneback, "version", Farneback.version + 1)
    assert build_upscaler(card, library).network_versions != before


def test_window_is_typed(library: CardLibrary) -> None:
    card = library.method("bicubic")
    assert build_upscaler(Overrides.parse(["options.window=3"]).apply(card), library).input_frames == 3
    with pytest.raises(CardError, match="greater than or equal to 2"):
        build_upscaler(Overrides.parse(["options.window=1"]).apply(card), library)
    with pytest.raises(CardError, match="Did you mean 'window'"):
        build_upscaler(Overrides.parse(["options.windwo=3"]).apply(card), library)


@pytest.mark.parametrize("name", ["bicubic+bicubic", "nearest+farneback", "test-gain+bicubic"])
def test_a_network_is_used_as_what_it_is(library: CardLibrary, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be used as"):
        build_upscaler(compose(name), library)


def test_unknown_networks_are_answered(library: CardLibrary) -> None:
    with pytest.raises(UsageError, match="Did you mean 'farneback'"):
        build_upscaler(compose("farnback+bicubic"), library)


def test_learned_networks_want_weights_or_a_word(library: CardLibrary) -> None:
    with pytest.raises(UsageError, match="--untrained"):
        build_upscaler(compose_plugin("test-gain"), library)
    built = build_upscaler(compose_plugin("test-gain"), library, untrained=True)
    assert built.untrained
    assert not built.weights


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_weights_are_loaded_and_hashed(library: CardLibrary, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"gain.{suffix}"
    state = {"gain": torch.tensor([0.5])}
    save_file(state, path) if suffix == "safetensors" else torch.save(state, path)
    built = build_upscaler(gain_card(file=path.name, sha256=sha256_of(path)), library, folder=tmp_path)
    assert built.weights[0].sha256 == sha256_of(path)
    assert built.upscaler(torch.ones(1, 3, 8, 8), 2).mean().item() == pytest.approx(0.5)
    with pytest.raises(DataError, match="not the file that the card means"):
        build_upscaler(gain_card(file=path.name, sha256="0" * 64), library, folder=tmp_path)


def test_missing_and_misfit_weights_are_explained(library: CardLibrary, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        build_upscaler(gain_card(file="gain.pth"), library, folder=tmp_path)
    torch.save({"gian": torch.ones(1)}, tmp_path / "gain.pth")
    with pytest.raises(DataError, match="gian"):
        build_upscaler(gain_card(file="gain.pth"), library, folder=tmp_path)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("code ran",)


def test_weights_that_carry_code_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"gain": _Evil()}, tmp_path / "evil.pth")
    with pytest.raises(DataError, match="cannot be read as weights"):
        read_state(tmp_path / "evil.pth")
    assert "code ran" not in capsys.readouterr().out
    (tmp_path / "cut.safetensors").write_bytes(b"\x08\0\0\0")
    with pytest.raises(DataError, match="cannot be read as weights"):
        read_state(tmp_path / "cut.safetensors")


def test_a_plugin_file_brings_a_network(tmp_path: Path, library: CardLibrary) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from harness.upscalers.registry import register\n"
        "from harness.upscalers.interpolation import Nearest\n"
        "@register('test-hold', kind='interpolator')\n"
        "class Hold(Nearest):\n"
        "    pass\n"
    )
    load_plugin(file)
    assert find_network("test-hold").version not in ("", "1")
    assert build_upscaler(compose("test-hold+bicubic"), library).upscaler(torch.rand(2, 3, 8, 8), 2).shape[0] == 3
    with pytest.raises(UsageError, match="exists already"):
        register("blend")(Gain)
    with pytest.raises(UsageError, match="no such file"):
        load_plugin(tmp_path / "other.py")
    assert "blend" in networks()


def test_an_error_in_a_plugin_is_the_plugins(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("import os\nimport no_such_module_at_all\n")
    with pytest.raises(UsageError, match=r"(?s)ModuleNotFoundError.*line 2"):
        load_plugin(file)


class _Package:
    name, version = "their-package", "2.1"


class _Entry:
    """An entry point as an installed package declares it."""

    def __init__(self, name: str, cls: type) -> None:
        self.name, self.value, self.dist, self._cls = name, f"theirs:{cls.__name__}", _Package(), cls

    def load(self) -> type:
        return self._cls


def test_a_packaged_network_keeps_its_version_and_needs_its_weights(
    monkeypatch: pytest.MonkeyPatch, library: CardLibrary
) -> None:
    entries = [_Entry("test-packaged", Gain), _Entry("test-packaged-hold", Nearest)]
    monkeypatch.setattr(registry, "entry_points", lambda **_: entries)
    assert networks()["test-packaged"].version == "their-package-2.1"
    assert [find_network("test-packaged").version for _ in range(2)] == ["their-package-2.1"] * 2
    assert find_network("test-packaged-hold").kind == "interpolator"
    with pytest.raises(UsageError, match="needs weights"):
        build_upscaler(compose_plugin("test-packaged"), library)
