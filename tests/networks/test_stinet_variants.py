"""Every row of the ablation tables: it builds, learns, and differs from STINet where it should and nowhere else."""

from dataclasses import dataclass, field

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from harness.cards import CardLibrary
from harness.networks.stinet.build import build_stinet
from harness.networks.stinet.network import STINet
from harness.networks.stinet.options import OFFICIAL, STINetOptions
from harness.upscalers.options import STINetMethodOptions
from harness.upscalers.registry import typed_options
from tests.networks.clips import distance, noise

FULL = 11_497_663
LIBRARY = CardLibrary()


@dataclass(frozen=True)
class Row:
    """What is expected of a variant.

    Args:
        parameters: more than those of the full network.
        lacks: parts of it that are gone, as beginnings of names.
        adds: parts that the full network has not.
        reshaped: layers that have other numbers of channels.
    """

    parameters: int = 0
    lacks: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    reshaped: tuple[str, ...] = field(default=())


ROWS = {
    "stinet-wo-hr": Row(
        -1_026_566,
        lacks=(
            *("interpolation.entry.hr.", "interpolation.last.hr.", "phase_1_heads.hr."),
            *("local_refinement.reduce_offsets.hr.", "local_refinement.interaction.", "local_refinement.reduce.hr."),
            *("local_refinement.enlarge.hr.", "reconstruction.branches.hr."),
        ),
    ),
    "stinet-wo-lr": Row(
        -1_884_870,
        lacks=(
            *("initialisation.sides.lr.", "interpolation.entry.lr.", "interpolation.last.lr.", "phase_1_heads.lr."),
            *("local_refinement.interaction.", "reconstruction.branches.lr."),
        ),
    ),
    "stinet-wo-stlr": Row(-1_471_280, lacks=("local_refinement.",)),
    "stinet-wo-stgr": Row(-164_672, lacks=("global_refinement.",)),
    "stinet-wo-mcl": Row(),
    "stinet-wo-flow": Row(
        -355_680,
        lacks=("interpolation.motion.",),
        reshaped=("interpolation.entry.lr.first.layer.weight", "interpolation.entry.hr.first.layer.weight"),
    ),
    "stinet-wo-flow-adaption": Row(),
    "stinet-stfi-wo-share": Row(
        369_280, lacks=("interpolation.joint.module.",), adds=("interpolation.joint.lr.", "interpolation.joint.hr.")
    ),
    "stinet-stlr-wo-inet": Row(-16_576, lacks=("local_refinement.interaction.",)),
    "stinet-stlr-wo-sh": Row(
        -16_576 - 262_208, lacks=("local_refinement.interaction.", "local_refinement.reduce_offsets.hr.")
    ),
    "stinet-stlr-wo-sl": Row(-16_576, lacks=("local_refinement.interaction.",)),
    "stinet-stgr-wo-ef": Row(),
    "stinet-stgr-wo-ep": Row(),
    "stinet-stgr-wo-et": Row(),
    "stinet-stgr-bdcl": Row(
        5_063_392 - 164_672, lacks=("global_refinement.graph.",), adds=("global_refinement.lstm.",)
    ),
    "stinet-mcl-wo-abs": Row(),
    "stinet-mcl-wo-rel": Row(),
    "stinet-mcl-abs-aj": Row(),
    "stinet-mcl-abs-l1": Row(),
    "stinet-mcl-rel-sc": Row(),
}
LOSS_ONLY = {name for name in ROWS if "mcl" in name}
ATTRIBUTES = ("graph_frame_similarity", "graph_pixel_similarity", "graph_temporal_closeness")


def options(name: str) -> STINetMethodOptions:
    """The network's options on a card."""
    typed = typed_options("stinet", LIBRARY.method(name).options)
    assert isinstance(typed, STINetMethodOptions)
    return typed


def variant(wanted: STINetOptions, full: STINet) -> STINet:
    """A network with as many of the full one's weights as fit it."""
    network = build_stinet(wanted)
    own = network.state_dict()
    fitting = {name: value for name, value in full.state_dict().items() if name in own}
    same = {name: value for name, value in fitting.items() if own[name].shape == value.shape}
    network.load_state_dict(same, strict=False)
    return network.eval()


def result(network: STINet) -> Tensor:
    with torch.inference_mode():
        frames: Tensor = network(*noise(given=3))
    return frames


def changed(**over: object) -> STINetOptions:
    return STINetOptions.model_validate({**STINetOptions().model_dump(), **over})


def test_every_ablation_row_of_stinet_is_here() -> None:
    families = {"ablation", "one-stage"}
    cards = {name for name in LIBRARY.names(type(LIBRARY.method("stinet"))) if name.startswith("stinet-")}
    cards = {name for name in cards if LIBRARY.method(name).family in families and LIBRARY.method(name).rows}
    assert cards == set(ROWS)
    assert {LIBRARY.method(name).extends for name in cards} == {"stinet"}


def test_the_card_is_what_the_program_builds_by_itself() -> None:
    assert options("stinet") == STINetMethodOptions()
    official = {"window": 4, "flow_grey": "release", "graph_edges": "causal", "graph_weights": "none"}
    assert options("stinet-official") == STINetMethodOptions.model_validate(official)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_differs_where_it_should_and_nowhere_else(name: str, paper: STINet) -> None:
    row, network = ROWS[name], build_stinet(options(name))
    ours, theirs = ({key: value.shape for key, value in net.state_dict().items()} for net in (network, paper))
    assert sum(parameter.numel() for parameter in network.parameters()) == FULL + row.parameters
    gone, new = set(theirs) - set(ours), set(ours) - set(theirs)
    assert all(key.startswith(row.lacks) for key in gone)
    assert all(any(key.startswith(part) for key in gone) for part in row.lacks)
    assert all(key.startswith(row.adds) for key in new)
    assert all(any(key.startswith(part) for key in new) for part in row.adds)
    assert {key for key in set(ours) & set(theirs) if ours[key] != theirs[key]} == set(row.reshaped)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_changes_the_result_unless_it_changes_the_loss_alone(name: str, paper: STINet) -> None:
    frames = result(variant(options(name), paper))
    far = distance(frames, result(paper))
    assert frames.isfinite().all()
    assert far == 0 if name in LOSS_ONLY else far > 1e-5


@pytest.mark.parametrize("name", sorted(set(ROWS) - LOSS_ONLY))
def test_a_row_learns(name: str, paper: STINet) -> None:
    network = variant(options(name), paper)
    for key, parameter in network.named_parameters():  # zero offsets hold the gradient back, for the first step alone
        if key.endswith("offsets_and_mask.weight") and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.01)
    outputs = network.supervised(*noise())
    pictures = (outputs.frames, *outputs.phase_1.values())
    sum((picture.square().mean() for picture in pictures), start=torch.zeros(())).backward()
    learning = {key: parameter for key, parameter in network.named_parameters() if parameter.requires_grad}
    assert all(not key.startswith("initialisation.super_resolution.") for key in learning)
    without = [key for key, parameter in learning.items() if parameter.grad is None or not parameter.grad.any()]
    assert without == []
    assert all(bool(parameter.grad.isfinite().all()) for parameter in learning.values() if parameter.grad is not None)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_an_edge_attribute_matters_in_the_papers_graph_alone(name: str, paper: STINet, official: STINet) -> None:
    without = variant(changed(**{name: False}), paper)
    assert distance(result(without), result(paper)) > 1e-6
    release = STINetOptions.model_validate({**OFFICIAL.model_dump(), name: False})
    assert torch.equal(result(variant(release, official)), result(official))


OTHERS = {
    "skip of the text": (changed(interpolation_skip="concat"), 2 * 8_256),
    "Inet of the text": (changed(local_interaction="concat"), 8_192),
    "HR alignment of the text": (changed(local_hr_alignment="hr"), -2 * 262_208),
    "private ST-LR": (changed(local_shared=False), 221_440 + 323_120 + 123_520),
    "HR alignment, s^L alone": (changed(local_hr_alignment="hr", local_offsets="lr"), -3 * 262_208 - 16_576),
    "private ST-LR, s^H alone": (changed(local_shared=False, local_offsets="hr"), 323_120 + 123_520 - 16_576),
    "the release's edges": (changed(graph_edges="causal"), 0),
    "edges that count the same": (changed(graph_weights="none"), 0),
    "louder graph": (changed(graph_gain=0.3), 0),
    "bicubic base": (changed(base="bicubic"), 0),
    "no flow at rate 2, LR alone": (changed(flow="none", hr_features=False), None),
}


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_option_builds_and_changes_the_result(name: str, paper: STINet) -> None:
    wanted, more = OTHERS[name]
    network = variant(wanted, paper)
    if more is not None:
        assert sum(parameter.numel() for parameter in network.parameters()) == FULL + more
    assert distance(result(network), result(paper)) > 1e-5


def test_a_variant_without_flow_makes_the_same_frame_at_every_time(paper: STINet) -> None:
    network = variant(options("stinet-wo-flow"), paper)
    with torch.inference_mode():
        features = network.phase_1(*noise(), times=(0.25, 0.75))
    assert features["hr"].shape[0] == 4
    assert torch.equal(features["hr"][1], features["hr"][2])


@pytest.mark.parametrize(
    "wrong",
    [
        {"graph_edges": "sideways"},
        {"graph_edge": "full"},
        {"lr_features": False, "hr_features": False},
        {"lr_features": False, "local_offsets": "lr"},
        dict.fromkeys(ATTRIBUTES, False),
        {"global_refinement": "bdconvlstm", "local_refinement": False},
        {"channels": 20},
    ],
)
def test_options_that_cannot_be_built_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        STINetOptions.model_validate(wrong)
