"""`harness parity`: a network against reference numbers of its authors' own."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import Json
from harness.errors import ReferenceMismatchError

if TYPE_CHECKING:
    from harness.evaluation.parity import Comparison, Line


def parity(
    network: Annotated[str, typer.Argument(metavar="NETWORK", help="stinet, dbpn, …")],
    reference: Annotated[
        Path,
        typer.Option(
            metavar="FILE.npz", help="Inputs, outputs, intermediates; its name starts with the weights' salt."
        ),
    ],
    golden: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Default: golden.json beside the reference, else the shipped one."),
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(min=0, metavar="T", help="Absolute. Default: the golden's own, else 1e-4.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …")] = "cpu",
    json_: Json = False,
) -> None:
    """Check a network against reference numbers. Exit code 3 when one differs."""
    from harness.evaluation.parity import compare, find_golden, read_reference
    from harness.evaluation.precision import find_device
    from harness.networks.parity import find_check

    find_check(network)  # a misspelt name is told before files are looked for
    comparison = compare(
        network,
        read_reference(reference),
        find_golden(network, reference, golden),
        tolerance=tolerance,
        device=find_device(device),
    )
    typer.echo(json.dumps(_summary(comparison), indent=1) if json_ else "\n".join(_report(comparison)))
    if comparison.wrong:
        raise ReferenceMismatchError(
            f"{network} should give the numbers of {reference}.",
            found=f"other numbers in {', '.join(comparison.wrong)}",
            todo=_advice(comparison),
        )


def _advice(comparison: "Comparison") -> str:
    if len(comparison.wrong) == len(comparison.lines):
        salt = comparison.reference.salt
        return f"nothing is right: were its weights made with the salt '{salt}', the first word of the file's name?"
    return "look at the first intermediate that differs; docs/parity.md has the usual reasons."


def _report(comparison: "Comparison") -> list[str]:
    reference = comparison.reference
    header = ["", "array", "shape", "max |error|", "tolerance", "relative", ""]
    table = [header, *(_cells(line) for line in comparison.lines)]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    rows = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table]
    right = len(comparison.lines) - len(comparison.wrong)
    return [
        f"{comparison.network} · {reference.path} · weights of salt '{reference.salt}' · {comparison.golden}",
        *rows,
        *(f"not checked: {name} {_size(reference.arrays[name].shape)}" for name in comparison.unchecked),
        f"{right} of {len(comparison.lines)} arrays are right.",
    ]


def _cells(line: "Line") -> list[str]:
    kind = "output" if line.output else "inside"
    verdict = "ok" if line.ok else "FAIL"
    if line.shape != line.computed:
        verdict += f": the network gives {_size(line.computed)}"
    return [
        kind,
        line.name,
        _size(line.shape),
        f"{line.error:.2e}",
        f"{line.limit:.2e}",
        f"{line.relative:.2e}",
        verdict,
    ]


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "one number"


def _summary(comparison: "Comparison") -> dict[str, object]:
    return {
        "network": comparison.network,
        "reference": str(comparison.reference.path),
        "salt": comparison.reference.salt,
        "golden": str(comparison.golden),
        "ok": not comparison.wrong,
        "arrays": [
            {
                "name": line.name,
                "output": line.output,
                "shape": line.shape,
                "computed_shape": line.computed,
                "max_error": _number(line.error),
                "tolerance": line.limit,
                "relative_error": _number(line.relative),
                "ok": line.ok,
            }
            for line in comparison.lines
        ],
        "not_checked": comparison.unchecked,
    }


def _number(value: float) -> float | None:
    """JSON has no word for what is not a number."""
    return value if math.isfinite(value) else None
