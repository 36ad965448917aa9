"""`harness parity`: the shipped references pass, what is wrong is named, and exit codes are those of the manual."""

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from harness.cli.main import app
from harness.networks.parity import CHECKS, find_check
from harness.networks.parity.check import part_name
from tests.parity.references import REFERENCES, golden, public

Arrays = dict[str, np.ndarray]


def call(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["parity", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def arrays_of(network: str) -> Arrays:
    with np.load(REFERENCES / f"{network}.npz") as stored:
        return {name: stored[name] for name in stored.files}


def save(path: Path, arrays: Arrays) -> None:
    np.savez(path, **arrays)  # type: ignore[arg-type]  # mypy takes the arrays for options of savez


def own_reference(network: str, salt: str, inputs: Mapping[str, np.ndarray]) -> Arrays:
    """A reference that the network makes of itself."""
    check = find_check(network)
    built = check.build().eval()
    check.load(built, golden(network).weights(salt))
    tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
    with torch.inference_mode():
        return {**inputs, **{name: value.numpy() for name, value in check.run(built, tensors).items()}}


@pytest.mark.parametrize("network", CHECKS)
def test_the_numbers_are_those_of_the_authors(network: str, tmp_path: Path) -> None:
    reference = public(network, tmp_path)
    code, printed, errors = call(network, "--reference", reference, "--json")
    assert (code, errors) == (0, "")
    report = json.loads(printed)
    assert report["ok"]
    assert report["salt"] == "public"
    assert report["not_checked"] == []
    inputs = {*find_check(network).inputs, *find_check(network).optional}
    assert {line["name"] for line in report["arrays"]} == set(arrays_of(network)) - inputs
    outputs = {part_name(line["name"])[0] for line in report["arrays"] if line["output"]}
    assert outputs == set(find_check(network).outputs)
    # Of RCAN some numbers are above 200: rounding is in proportion.
    assert max(min(line["max_error"], line["relative_error"]) for line in report["arrays"]) < 1e-4


def test_what_people_read(tmp_path: Path) -> None:
    arrays = {**arrays_of("dbpn"), "up7": np.ones((1, 4), dtype=np.float32)}
    save(tmp_path / "public_more.npz", arrays)
    code, printed, _ = call("dbpn", "--reference", tmp_path / "public_more.npz")
    assert code == 0
    assert "weights of salt 'public'" in printed
    (line,) = [line.split() for line in printed.splitlines() if " rgb " in line]
    assert line[:3] == ["output", "rgb", "1x3x64x64"]
    assert line[4] == "1.00e-04"
    assert line[-1] == "ok"
    assert "not checked: up7 1x4" in printed
    assert "8 of 8 arrays are right." in printed


def test_a_reference_of_another_salt_and_size(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    inputs = {
        "input": rng.standard_normal((2, 3, 3, 9, 12), dtype=np.float32),
        "input_f_flow": rng.standard_normal((2, 2, 2, 9, 12), dtype=np.float32),
        "input_b_flow": rng.standard_normal((2, 2, 2, 9, 12), dtype=np.float32),
    }
    arrays = own_reference("stinet", "other", inputs)
    save(tmp_path / "other_small.npz", arrays)
    assert call("stinet", "--reference", tmp_path / "other_small.npz")[0] == 0
    save(tmp_path / "another_small.npz", arrays)  # other weights, and so other numbers
    code, _, errors = call("stinet", "--reference", tmp_path / "another_small.npz")
    assert code == 3
    assert "h_finalrec" in errors
    assert "the salt 'another'" in errors


def test_one_number_is_enough(tmp_path: Path) -> None:
    arrays = arrays_of("stinet")
    arrays["mid_fusion_l_t3"][0, 5, 7, 11] += 1e-3
    save(tmp_path / "public.npz", arrays)
    code, printed, errors = call("stinet", "--reference", tmp_path / "public.npz", "--json")
    assert code == 3
    assert "other numbers in mid_fusion_l_t3\n" in errors
    assert [line["name"] for line in json.loads(printed)["arrays"] if not line["ok"]] == ["mid_fusion_l_t3"]
    assert call("stinet", "--reference", tmp_path / "public.npz", "--tolerance", "0.01")[0] == 0


def test_swapped_flows_are_noticed(tmp_path: Path) -> None:
    arrays = arrays_of("stinet")
    arrays["input_f_flow"], arrays["input_b_flow"] = arrays["input_b_flow"], arrays["input_f_flow"]
    save(tmp_path / "public.npz", arrays)
    code, printed, errors = call("stinet", "--reference", tmp_path / "public.npz")
    assert code == 3
    assert "h_finalrec" in errors
    assert "FAIL" in printed
    # What depends on no flow is still right.
    assert "mid_lr_feat_frame0" not in errors


def test_what_is_not_a_number_fails(tmp_path: Path) -> None:
    arrays = arrays_of("dbpn")
    arrays["rgb"][0, 0, 0, 0] = np.nan
    arrays["up1"] = arrays["up1"][:, :2]
    save(tmp_path / "public.npz", arrays)
    code, printed, errors = call("dbpn", "--reference", tmp_path / "public.npz", "--json")
    assert code == 3
    assert "rgb, up1" in errors
    lines = {line["name"]: line for line in json.loads(printed)["arrays"]}
    assert lines["rgb"]["max_error"] is None
    assert (lines["up1"]["shape"], lines["up1"]["computed_shape"]) == ([1, 2, 64, 64], [1, 4, 64, 64])


def test_an_array_may_be_stored_in_part(tmp_path: Path) -> None:
    arrays = arrays_of("dbpn")
    whole = arrays.pop("rgb")
    for name, part, code in (
        ("rgb@3", whole[..., ::3, ::3], 0),
        ("rgb@3", whole[..., 1::3, 1::3], 3),
        ("rgb@2", whole[..., ::3, ::3], 3),
        ("rgb@0", whole, 2),
        ("rbg@3", whole[..., ::3, ::3], 2),
    ):
        save(tmp_path / "public.npz", {**arrays, name: part})
        done, printed, errors = call("dbpn", "--reference", tmp_path / "public.npz")
        assert done == code, name
        if code == 0:
            assert [line.split()[:3] for line in printed.splitlines() if "rgb" in line] == [
                ["output", "rgb@3", "1x3x22x22"]
            ]
        if code == 2:
            assert "no rgb" in errors


def without(name: str) -> Callable[[Arrays], object]:
    return lambda arrays: arrays.pop(name)


def reshaped(name: str, *shape: int) -> Callable[[Arrays], object]:
    return lambda arrays: arrays.update({name: np.zeros(shape, dtype=np.float32)})


BROKEN: dict[str, tuple[Callable[[Arrays], object], str]] = {
    "no input": (without("input_b_flow"), "no input_b_flow"),
    "no output": (without("l_rec"), "no l_rec"),
    "other size": (reshaped("input_f_flow", 1, 3, 2, 20, 19), "(1, 3, 2, 20, 19)"),
    "one flow too few": (reshaped("input_b_flow", 1, 2, 2, 20, 20), "(1, 2, 2, 20, 20)"),
    "no batch": (reshaped("input", 4, 3, 20, 20), "(4, 3, 20, 20)"),
    "objects": (lambda arrays: arrays.update(x=np.array([{}], dtype=object)), "pickled objects"),
    "text": (lambda arrays: arrays.update(x=np.array(["a"])), "'x' has dtype <U1"),
    "nothing": (reshaped("l_rec", 0), "'l_rec' has dtype float32 and shape (0,)"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_references_are_refused(case: str, tmp_path: Path) -> None:
    change, found = BROKEN[case]
    arrays = arrays_of("stinet")
    change(arrays)
    save(tmp_path / "public.npz", arrays)
    code, printed, errors = call("stinet", "--reference", tmp_path / "public.npz")
    assert (code, printed) == (2, "")
    assert found in errors


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut", b"\x80\x04K\x01."])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "public.npz"
    path.write_bytes(content)
    code, _, errors = call("stinet", "--reference", path)
    assert code == 2
    assert "cannot be read as a reference" in errors


def test_damaged_and_missing_files_are_refused(tmp_path: Path) -> None:
    whole = (REFERENCES / "dbpn.npz").read_bytes()
    damaged = tmp_path / "public.npz"
    damaged.write_bytes(whole[:2000] + bytes(1000) + whole[3000:])
    assert call("dbpn", "--reference", damaged)[0] == 2
    assert call("dbpn", "--reference", tmp_path / "gone.npz")[0] == 2
    np.save(tmp_path / "public.npy", np.ones(3))
    assert "no named array" in call("dbpn", "--reference", tmp_path / "public.npy")[2]


def test_other_networks_are_refused(tmp_path: Path) -> None:
    reference = public("dbpn", tmp_path)
    code, _, errors = call("dbpm", "--reference", reference)
    assert code == 2
    assert "Did you mean 'dbpn'?" in errors
    code, _, errors = call("stinet", "--reference", reference)
    assert code == 2
    assert "no input, input_f_flow" in errors
    assert call("dbpn", "--reference", reference, "--golden", REFERENCES / "stinet.json")[0] == 2


def test_a_golden_of_another_shape_is_refused(tmp_path: Path) -> None:
    reference = public("dbpn", tmp_path)
    content = json.loads((REFERENCES / "dbpn.json").read_text())
    content["state"]["feat0.conv.weight"] = [32, 3, 3, 3]
    (tmp_path / "golden.json").write_text(json.dumps(content))  # the one beside the reference counts
    code, _, errors = call("dbpn", "--reference", reference)
    assert code == 2
    assert "features.entry.0.weight do not fit" in errors
    assert call("dbpn", "--reference", reference, "--golden", REFERENCES / "dbpn.json")[0] == 0
    del content["state"]["feat0.conv.weight"]
    (tmp_path / "golden.json").write_text(json.dumps(content))
    assert "features.entry.0.weight do not fit" in call("dbpn", "--reference", reference)[2]
    assert call("dbpn", "--reference", reference, "--golden", tmp_path / "gone.json")[0] == 2


def test_a_golden_has_a_tolerance_of_its_own(tmp_path: Path) -> None:
    reference = public("dbpn", tmp_path)
    content = json.loads((REFERENCES / "dbpn.json").read_text())
    for tolerance, code in (("1e-9 absolute", 3), ("1e-5 relative to max|out|", 0)):
        (tmp_path / "golden.json").write_text(json.dumps({**content, "tolerance": tolerance}))
        assert call("dbpn", "--reference", reference)[0] == code
    _, printed, _ = call("dbpn", "--reference", reference, "--json")
    limits = {line["name"]: line["tolerance"] for line in json.loads(printed)["arrays"]}
    assert limits["rgb"] == pytest.approx(1e-5 * np.abs(arrays_of("dbpn")["rgb"]).max())


def test_every_golden_is_shipped() -> None:
    project = tomllib.loads((REFERENCES.parents[1] / "pyproject.toml").read_text())
    targets = project["tool"]["hatch"]["build"]["targets"]
    for network in CHECKS:
        file = f"tests/references/{network}.json"
        assert targets["wheel"]["force-include"][file] == f"harness/shipped/goldens/{network}.json"
        assert f"/{file}" in targets["sdist"]["include"]
