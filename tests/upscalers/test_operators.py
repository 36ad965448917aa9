"""`--set ops.OPERATOR=BACKEND`: who computes an operator, and that it becomes part of every record's key."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cards import CardLibrary, Overrides
from harness.errors import UsageError
from harness.evaluation.plan import Request, plan
from harness.ops import deform_conv_backends as backends
from harness.ops.choice import choose_operators, operator_versions
from harness.ops.deform_conv import backend, use_backend
from harness.records.schema import RunHeader

WORKING = ["pytorch", *(name for name in ("torchvision", "mmcv") if not backends.why_not(name))]


@pytest.fixture(autouse=True)
def _default_backend() -> Iterator[None]:
    use_backend("auto")
    yield
    use_backend("auto")


@pytest.fixture
def mmcv(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something that looks like an mmcv that works."""

    class Module:
        __version__ = "2.2.0"

    monkeypatch.setattr(backends, "import_module", lambda name: Module)
    monkeypatch.setattr(backends, "why_not", lambda name: "")


def planned(folder: Path, *assignments: str) -> RunHeader:
    request = Request(
        methods=("bicubic",), datasets=("demo",), overrides=Overrides.parse(assignments), data_root=folder
    )
    (cell,) = plan(request, CardLibrary())
    return cell.header


@pytest.mark.parametrize("name", WORKING)
def test_what_is_chosen_computes(name: str) -> None:
    choose_operators({"deform_conv": name})
    assert backend() == name
    assert operator_versions().keys() == (set() if name == "pytorch" else {"ops:deform_conv"})
    choose_operators({})
    assert backend() == name
    choose_operators({"deform_conv": "auto"})
    assert operator_versions() == {}


def test_a_compiled_operator_is_part_of_the_key(mmcv: None, tmp_path: Path) -> None:
    before = planned(tmp_path)
    assert before.network_versions == planned(tmp_path, "ops.deform_conv=pytorch").network_versions
    assert before.key == planned(tmp_path, "ops.deform_conv=auto").key
    compiled = planned(tmp_path, "ops.deform_conv=mmcv")
    assert compiled.network_versions == {**before.network_versions, "ops:deform_conv": "mmcv-2.2.0"}
    assert compiled.key != before.key
    assert compiled.method_card == before.method_card


def test_the_one_in_use_is_explained(mmcv: None) -> None:
    assert backends.explain().startswith("own PyTorch operator, the default; --set ops.deform_conv=NAME for another")
    use_backend("mmcv")
    assert backends.explain().startswith("mmcv's compiled operator, as asked for")
    assert "(pytorch: works; torchvision: works)" in backends.explain()


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("ops.deform_cov=mmcv", "No operator 'deform_cov' can be chosen.*\n.*Did you mean 'deform_conv'"),
        ("ops.deform_conv=mmvc", "No such backend.*(\n.*)*Did you mean 'mmcv'"),
        ("ops.deform_conv=4", "wants the name of a backend"),
        ("ops.deform_conv.name=mmcv", "wants the name of a backend"),
        ("ops=mmcv", "names no operator"),
    ],
)
def test_other_choices_are_refused(assignment: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        planned(tmp_path, assignment)
    assert backend() == "pytorch"


def test_a_method_has_no_ops_of_its_own() -> None:
    card = CardLibrary().method("bicubic")
    assert Overrides.parse(["ops.deform_conv=pytorch"]).apply(card) is card
