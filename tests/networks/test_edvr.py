"""EDVR beside the authors' numbers, beside a straightforward program, and what must hold in any case."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import CardError, DataError
from harness.networks.edvr.build import build_edvr
from harness.networks.edvr.key_map import from_release
from harness.networks.edvr.network import EDVR
from harness.networks.edvr.options import EDVROptions
from harness.ops.deform_conv import deform_conv
from harness.upscalers.registry import validate_options
from tests.networks.clips import distance
from tests.networks.release import errors, frames, loaded, reference, weights
from tests.networks.straightforward_edvr import Straightforward
from tests.parity.references import golden

TOLERANCE = 1e-4
SMALL = EDVROptions(channels=8, feature_blocks=1, reconstruction_blocks=1, frames=3)


@pytest.fixture(scope="module")
def arrays() -> dict[str, Tensor]:
    return reference("edvr")


@pytest.fixture(scope="module")
def authors() -> EDVR:
    network = loaded("edvr")
    assert isinstance(network, EDVR)
    return network


def small() -> EDVR:
    """Seeded, in evaluation mode, with offsets that move something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_edvr(SMALL)
        for name, parameter in network.named_parameters():
            if "offsets_and_mask" in name:
                nn.init.normal_(parameter, std=0.05)
    return network.eval()


# -- what would be wrong


def swapped(maps: Tensor, offsets: Tensor, *rest: Tensor, padding: int) -> Tensor:
    """Deformable convolution with (dx, dy) offsets."""
    turned = offsets.reshape(len(offsets), -1, 2, *offsets.shape[2:]).flip(2).flatten(1, 2)
    return deform_conv(maps, turned, *rest, padding=padding)


def corners(maps: Tensor, *, like: Tensor) -> Tensor:
    return F.interpolate(maps, size=like.shape[-2:], mode="bilinear", align_corners=True)


@pytest.mark.parametrize(
    ("where", "wrong", "stage"),
    [
        ("layers.deformable.deform_conv", swapped, "dcn_l3_out_frame0"),
        ("layers.pyramid.enlarged", corners, "aligned_frame0"),
        ("edvr.fusion.enlarged", corners, "fused"),
    ],
)
def test_a_wrong_operator_is_noticed(
    where: str, wrong: object, stage: str, authors: EDVR, arrays: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"harness.networks.{where}", wrong)
    found = errors("edvr", authors, arrays)
    assert min(found[stage], found["out"]) > 0.01
    assert found["feat_l3"] < TOLERANCE


def test_a_mean_without_the_zeros_around_is_noticed(
    authors: EDVR, arrays: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(F, "avg_pool2d", partial(F.avg_pool2d, count_include_pad=False))
    found = errors("edvr", authors, arrays)
    assert found["aligned_frame0"] < TOLERANCE
    assert min(found["fused"], found["out"]) > 0.01


def test_frames_that_trade_places_are_noticed(authors: EDVR, arrays: dict[str, Tensor]) -> None:
    order = [0, 2, 1, 3, 4, 5, 6]
    found = errors("edvr", authors, {**arrays, "x": arrays["x"][:, order]})
    assert found["aligned_frame0"] < TOLERANCE
    assert found["out"] > 0.01


@pytest.mark.parametrize(
    ("path", "change", "stage"),
    [
        ("align.cascade", lambda _layer, given, out: (out[0], given[0]), "aligned_frame0"),  # no cascade
        ("fusion.temporal.embed_middle", lambda _layer, _given, out: -out, "fused"),
        ("fusion.spatial.shift", lambda _layer, _given, out: 0 * out, "fused"),
        ("trunk.0", lambda _block, _given, out: out.relu(), "recon"),
    ],
)
def test_a_wrong_layer_is_noticed(
    path: str, change: Callable[..., object], stage: str, authors: EDVR, arrays: dict[str, Tensor]
) -> None:
    handle = authors.get_submodule(path).register_forward_hook(change)
    found = errors("edvr", authors, arrays)
    handle.remove()
    assert min(found[stage], found["out"]) > 0.01
    assert found["dcn_l3_out_frame0"] < TOLERANCE


# -- what must hold


@pytest.mark.parametrize("shape", [(2, 12, 8), (1, 4, 4), (1, 24, 20)], ids=str)
def test_it_is_the_straightforward_program(shape: tuple[int, int, int]) -> None:
    """With weights that the reference has not, at sizes that it has not, several clips at once."""
    batch, height, width = shape
    clip = frames(batch=batch, given=7, height=height, width=width)
    with torch.inference_mode():
        made = loaded("edvr", salt="other")(clip)
        wanted = Straightforward(weights("edvr", "other"))(clip)
    assert made.shape == (batch, 3, 4 * height, 4 * width)
    assert distance(made, wanted) < TOLERANCE


def test_parameters_are_the_papers() -> None:
    with torch.device("meta"):
        network = build_edvr()
    assert sum(parameter.numel() for parameter in network.parameters()) == 20_699_363
    assert golden("edvr").parameters == 20_699_363


def test_the_smaller_one_of_the_authors_can_be_built() -> None:
    """EDVR-M, released for other data: its size is known, its numbers are not."""
    with torch.device("meta"):
        network = build_edvr(EDVROptions(channels=64, reconstruction_blocks=10, frames=5))
    assert sum(parameter.numel() for parameter in network.parameters()) == 3_300_131


def in_2019(name: str) -> str:
    """BasicSR's name in the spelling of the first files, as the sheet has it."""
    for since, before in {
        "fusion.temporal_attn1": "tsa_fusion.tAtt_2",
        "fusion.temporal_attn2": "tsa_fusion.tAtt_1",
        "fusion.feat_fusion": "tsa_fusion.fea_fusion",
        "fusion.spatial_attn_add": "tsa_fusion.sAtt_add_",
        "fusion.spatial_attn_l": "tsa_fusion.sAtt_L",
        "fusion.spatial_attn": "tsa_fusion.sAtt_",
        ".conv_offset.": ".conv_offset_mask.",
        "reconstruction": "recon_trunk",
        "conv_hr": "HRconv",
    }.items():
        name = name.replace(since, before)
    for k in (1, 2, 3):
        name = name.replace(f"conv_l{k}_", f"fea_L{k}_conv")
        for since, before in {"dcn_pack": "dcnpack", "feat_conv": "fea_conv"}.items():
            name = name.replace(f"{since}.l{k}", f"L{k}_{before}")
        for i in (1, 2, 3):
            name = name.replace(f"offset_conv{i}.l{k}", f"L{k}_offset_conv{i}")
    return name


def test_files_of_2019_are_read_too() -> None:
    state = weights("edvr", "public")
    old = {in_2019(name): value for name, value in state.items()}
    for name in (
        "fea_L3_conv2.bias",
        "pcd_align.L2_offset_conv3.weight",
        "pcd_align.L1_dcnpack.conv_offset_mask.bias",
        "pcd_align.cas_dcnpack.conv_offset_mask.bias",
        "tsa_fusion.tAtt_2.weight",
        "tsa_fusion.sAtt_add_1.bias",
        "tsa_fusion.sAtt_L3.bias",
        "recon_trunk.39.conv2.weight",
        "HRconv.weight",
    ):
        assert name in old
    ours = from_release(state)
    translated = from_release({f"module.{name}": value for name, value in old.items()})
    assert translated.keys() == ours.keys()
    assert all(value is ours[name] for name, value in translated.items())
    assert ours["fusion.temporal.embed_middle.weight"] is state["fusion.temporal_attn1.weight"]


@pytest.mark.parametrize("name", ["pcd_align.L4_offset_conv1.weight", "fusion.weight", "predeblur.conv_first.weight"])
def test_a_foreign_name_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="authors"):
        from_release({name: torch.zeros(1)})


def test_offsets_start_where_they_stand() -> None:
    offsets = [value for name, value in build_edvr(SMALL).named_parameters() if "offsets_and_mask" in name]
    assert len(offsets) == 8
    assert not any(bool(value.any()) for value in offsets)


def test_any_size() -> None:
    with torch.inference_mode():
        assert small()(frames(given=3, height=5, width=7)).shape == (1, 3, 20, 28)
        assert small()(frames(given=3, height=1, width=1)).shape == (1, 3, 4, 4)


def test_clips_of_a_batch_do_not_see_each_other() -> None:
    network, clips = small(), frames(batch=2, given=3)
    with torch.inference_mode():
        alone = torch.cat([network(clip) for clip in clips.split(1)])
        assert distance(network(clips), alone) < 1e-5


def test_every_parameter_learns() -> None:
    network, given = small(), frames(given=3)
    before = given.clone()
    network(given).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    assert torch.equal(given, before)


def test_all_frames_are_one_call() -> None:
    network = small()
    rows: dict[str, list[int]] = {}
    for name in ("features", "pyramid.level_3", "align.cascade.align", "fusion.temporal.embed", "trunk"):
        network.get_submodule(name).register_forward_hook(
            lambda _module, _given, out, name=name: rows.setdefault(name, []).append(len(out))
        )
    with torch.inference_mode():
        network(frames(batch=2, given=3))
    assert rows.pop("trunk") == [2]
    assert set(map(tuple, rows.values())) == {(6,)}
    assert len(rows) == 4


def test_half_precision_does() -> None:
    network, given = small(), frames(given=3)
    with torch.inference_mode():
        exact = network(given)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = network(given)
    assert half.isfinite().all()
    assert 0 < distance(half.float(), exact) < 0.05 * float(exact.abs().max())


def test_compiles_as_one_graph() -> None:
    torch.compiler.reset()
    network, given = small(), frames(given=3, height=12)
    with torch.inference_mode():
        compiled = torch.compile(network, backend="eager", fullgraph=True)
        assert distance(compiled(given), network(given)) < 1e-5


def test_nothing_waits_for_the_device() -> None:
    """On the meta device there are no values: whoever asked for one would fail."""
    assert small().to("meta")(frames(given=3).to("meta")).shape == (1, 3, 32, 32)


@pytest.mark.parametrize("shape", [(1, 3, 8, 8), (1, 4, 3, 8, 8), (1, 7, 1, 8, 8)])
def test_what_it_cannot_take_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="odd number"):
        small()(torch.zeros(shape))


def test_an_even_number_of_frames_has_no_middle() -> None:
    with pytest.raises(CardError, match="odd"):
        validate_options(EDVROptions, {"frames": 6}, owner="edvr")
