"""The format of goldens, and the rule that makes weights of them."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from harness.errors import DataError, UsageError
from harness.networks.parity import find_check
from harness.networks.parity.golden import Golden, Tolerance, parse_tolerance
from harness.networks.parity.weights import entry


def read(folder: Path, **keys: object) -> Golden:
    path = folder / "golden.json"
    path.write_text(json.dumps(keys))
    return Golden.read(path)


def gains(golden: Golden) -> dict[str, float]:
    return {name: value.gain for name, value in golden.entries.items()}


def normal(text: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(zlib.crc32(text.encode())).standard_normal(shape, dtype=np.float32)


def test_the_rule() -> None:
    def made(key: str, *shape: int) -> np.ndarray:
        return entry(key, shape, salt="salt", gain=1.2).numpy()

    x = normal("salta.weight", (4, 3, 2))
    assert np.array_equal(
        made("a.weight", 4, 3, 2), (x * np.float32(1.2) / np.sqrt(np.prod((3, 2)))).astype(np.float32)
    )
    assert np.allclose(made("b.weight", 5), 0.5 + 0.1 * normal("saltb.weight", (5,)))
    assert np.allclose(made("b.bias", 5), 0.05 * normal("saltb.bias", (5,)))
    assert np.allclose(made("b.running_var", 5), 0.5 + np.abs(normal("saltb.running_var", (5,))))
    assert np.allclose(made("b.running_mean", 5), 0.05 * normal("saltb.running_mean", (5,)))
    assert made("alpha.weight").shape == ()  # no dimension is not one dimension
    assert np.allclose(made("alpha.weight"), 0.05 * normal("saltalpha.weight", ()))


def test_the_first_override_that_is_part_of_the_key_counts(tmp_path: Path) -> None:
    golden = read(
        tmp_path,
        state={"net.0.weight": [2, 2], "net.1.weight": [2, 2], "head.weight": [2, 2]},
        gain=1.0,
        gain_overrides=[["net.0", 0.5], ["net.", 2.0]],
    )
    assert gains(golden) == {"net.0.weight": 0.5, "net.1.weight": 2.0, "head.weight": 1.0}


def test_names_of_checkpoints_are_no_part_of_the_key(tmp_path: Path) -> None:
    golden = read(
        tmp_path,
        state={"A.weight": [2, 2], "B.module.conv.weight": [2, 2], "C.weight": [2, 2]},
        gain=1,
        checkpoints={"a.pth": {"prefix": "A.", "tensors": 1}, "b.pth": {"prefix": "B."}},
    )
    assert {name: value.key for name, value in golden.entries.items()} == {
        "A.weight": "weight",
        "B.module.conv.weight": "conv.weight",
        "C.weight": "C.weight",
    }
    assert set(golden.weights("x")) == set(golden.entries)


def test_the_last_key_of_a_shared_tensor_decides(tmp_path: Path) -> None:
    state = {"a.weight": [3, 3], "b.weight": [3, 3]}
    weights = read(tmp_path, state=state, gain=1, shared=[["a.weight", "b.weight"]]).weights("x")
    assert weights["a.weight"].equal(weights["b.weight"])
    assert weights["b.weight"].equal(entry("b.weight", (3, 3), salt="x", gain=1))


@pytest.mark.parametrize(
    "said",
    ["keys ending net.mean, net.std (constants) and counter keep their values", ["net.mean", "net.std", "counter"]],
)
def test_constants_and_integers_are_kept(said: object, tmp_path: Path) -> None:
    golden = read(
        tmp_path,
        state={
            "g.net.mean": [1],
            "g.net.std": [1],
            "counter": [1],
            "g.other_mean": [1],
            "index": [4],
            "n.running_var": [2],
        }
        | {"n.num_batches_tracked": []},
        gain=1,
        not_overwritten=said,
        state_dtypes_not_float32={"index": "torch.int64", "g.other_mean": "torch.float64"},
    )
    assert set(golden.kept) == {"g.net.mean", "g.net.std", "counter", "index", "n.num_batches_tracked"}
    assert set(golden.weights("x")) == {"g.other_mean", "n.running_var"}


def test_weights_of_another_file(tmp_path: Path) -> None:
    golden = read(
        tmp_path,
        state={"a.weight": [2, 2]},
        gain=1,
        slow_state={"fc.weight": [2, 2], "at.weight": [2, 2]},
        slow_gain=1.5,
        slow_gain_overrides=[["at.", 3]],
    )
    assert gains(golden) == {"a.weight": 1, "fc.weight": 1.5, "at.weight": 3}


@pytest.mark.parametrize(
    ("text", "value", "relative"),
    [
        ("1e-4", 1e-4, False),
        ("2e-4 absolute (float32 noise 3e-5)", 2e-4, False),
        ("1e-3 px", 1e-3, False),
        ("1e-4 relative to max|out|", 1e-4, True),
        (0.5, 0.5, False),
    ],
)
def test_tolerances_are_said_in_words(text: str | float, value: float, relative: bool) -> None:
    assert parse_tolerance(text) == Tolerance(value, relative)


@pytest.mark.parametrize("text", ["small", "", "-1e-4", "nan", "1e-", "1x"])
def test_a_tolerance_is_a_number(text: str) -> None:
    with pytest.raises(DataError, match="tolerance"):
        parse_tolerance(text)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("", "JSON"),
        ("[]", "object"),
        ("{}", "'state' is missing"),
        ('{"state": {"a": [2, 2]}}', "a state needs a gain"),
        ('{"state": {"a": "2x2"}, "gain": 1}', "state.a"),
        ('{"state": {}, "slow_state": {"a": [1]}}', "a state needs a gain"),
    ],
)
def test_other_files_are_refused(content: str, found: str, tmp_path: Path) -> None:
    path = tmp_path / "golden.json"
    path.write_text(content)
    with pytest.raises(DataError, match="cannot be read as a golden") as caught:
        Golden.read(path)
    assert found in caught.value.found
    with pytest.raises(DataError, match="cannot be read as a golden"):
        Golden.read(tmp_path / "gone.json")


def test_an_unknown_network_gets_close_names() -> None:
    with pytest.raises(UsageError, match="Did you mean 'stinet'"):
        find_check("stinnet")
