"""Fig. 7 from records: what is drawn together, what is not, and where it stands in the picture."""

import json
import statistics
from collections.abc import Collection, Iterable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.errors import UsageError
from harness.records.study import Study, StudyCell, StudyRow
from harness.reports.loss_weights import Curve, LossWeights, as_json, loss_weights
from harness.reports.loss_weights_picture import _Axis, _Plot, draw_loss_weights
from harness.reports.weight_sets import Choice, Records
from tests.reports.fakes import LIBRARY, FakeRun, card, fake_run, header, trained

VALUES = (0.0, 0.01, 0.1, 1.0)


def key(per: float, mcl: float, seed: int) -> str:
    return f"{per}+{mcl}+{seed}+".ljust(64, "x")


def psnr(per: float, mcl: float, seed: int) -> float:
    return 24.0 - abs(per - 0.1) - 0.5 * abs(mcl - 0.1) + 0.01 * seed


def run(per: float, mcl: float, seed: int, *, method: str = "stinet", fail: int = 0, **more: Any) -> FakeRun:  # noqa: ANN401
    weights = {"lambda_per": per, "lambda_mcl": mcl} | more.pop("options", {})
    fields = {"key": key(per, mcl, seed), "title": "STINet", **more}
    return fake_run(trained(method, seed=seed, options=weights, **fields), psnr(per, mcl, seed), fail=fail)


def crossed(
    values: Collection[float] = VALUES,
    *,
    seeds: Collection[int] = range(3),
    **more: Any,  # noqa: ANN401
) -> list[FakeRun]:
    """One weight varied while the other is 0.1, as in the paper."""
    places = [(per, mcl) for per in values for mcl in values if 0.1 in (per, mcl)]
    return [run(per, mcl, seed, **more) for per, mcl in places for seed in seeds]


def curves(runs: Iterable[FakeRun], choice: Choice | None = None, **more: Any) -> LossWeights:  # noqa: ANN401
    return loss_weights(Records(list(runs), LIBRARY, **more), choice)


def weights(curve: Curve) -> list[float]:
    return [point.weight for point in curve.points]


def test_one_weight_varies_while_the_other_is_the_cards() -> None:
    figure = curves(crossed())
    assert [(panel.weight, panel.other) for panel in figure.panels] == [
        ("lambda_per", "lambda_mcl"),
        ("lambda_mcl", "lambda_per"),
    ]
    for panel in figure.panels:
        (curve,) = panel.curves
        assert curve.other == 0.1
        assert weights(curve) == list(VALUES)
    zero = figure.panels[0].curves[0].points[0].scores["psnr-y"]
    assert zero.values == {seed: pytest.approx(psnr(0.0, 0.1, seed)) for seed in range(3)}
    assert zero.mean == pytest.approx(23.91)
    assert zero.deviation == pytest.approx(statistics.stdev([0.0, 0.01, 0.02]))
    assert (figure.method, figure.dataset, figure.seeds, figure.remarks) == ("stinet", "vid4", 3, ())
    assert figure.signature.endswith("|300 iterations of 8 crops (32x32) from davis270")


def test_points_of_another_value_are_another_curve() -> None:
    grid = [run(per, mcl, 0) for per in VALUES for mcl in VALUES]
    figure = curves(grid)
    # The card's own value comes first.
    assert [curve.other for curve in figure.panels[0].curves] == [0.1, 0.0, 0.01, 1.0]
    for curve in figure.panels[0].curves:
        assert [point.scores["psnr-y"].mean for point in curve.points] == pytest.approx(
            [psnr(per, curve.other, 0) for per in VALUES]
        )


def test_a_point_that_no_curve_has_is_named() -> None:
    figure = curves([*crossed(), run(0.5, 0.5, 0)])
    assert [weights(panel.curves[0]) for panel in figure.panels] == [list(VALUES)] * 2
    assert any("Not drawn" in remark and "λ₁ = 0.5, λ₂ = 0.5" in remark for remark in figure.remarks)


def test_a_panel_that_was_not_varied_is_not_there() -> None:
    figure = curves(run(per, 0.1, 0) for per in VALUES)
    assert [panel.weight for panel in figure.panels] == ["lambda_per"]


def test_where_nobody_trained_with_the_cards_value_the_longest_curve_comes_first() -> None:
    runs = [*(run(per, 0.5, 0) for per in VALUES), *(run(per, 0.2, 0) for per in VALUES[:2])]
    assert [curve.other for curve in curves(runs).panels[0].curves] == [0.5, 0.2]


def test_missing_seeds_and_failed_clips_are_named() -> None:
    runs = [one for one in crossed() if not (_is(one, 1.0, 0.1, 2) or _is(one, 0.1, 0.01, 0))]
    figure = curves([*runs, run(0.1, 0.01, 0, fail=1)])
    last = figure.panels[0].curves[0].points[-1].scores["psnr-y"]
    assert (last.complete, sorted(last.values)) == (False, [0, 1])
    assert sorted(figure.panels[1].curves[0].points[1].scores["psnr-y"].values) == [1, 2]
    assert figure.has_fewer
    assert any("λ₁ = 0.1, λ₂ = 0.01, seed 0 (3 of 4 clips, 1 failed)" in remark for remark in figure.remarks)
    assert any(remark.startswith("Fewer than 3 seeds: λ₁ = 0.1, λ₂ = 0.01 (2)") for remark in figure.remarks)


def _is(one: FakeRun, per: float, mcl: float, seed: int) -> bool:
    return any(
        weights.training is not None and weights.training.key == key(per, mcl, seed) for weights in one.header.weights
    )


def test_other_signatures_are_left_out_by_name() -> None:
    odd = [
        run(2.0, 0.1, 0, signature="protocol:tmnet.v1|rate:2|window:7in"),
        run(3.0, 0.1, 0, protocol="zooming-slow-mo"),
    ]
    figure = curves([*crossed(), *odd])
    assert weights(figure.panels[0].curves[0]) == list(VALUES)
    assert any("λ₁ = 2" in remark and "their signature is another one" in remark for remark in figure.remarks)
    assert any("λ₁ = 3" in remark and "--protocol zooming-slow-mo" in remark for remark in figure.remarks)


@pytest.mark.parametrize(
    "other",
    [
        {"setting": "another"},
        {"options": {"mcl_relative": "exact"}},
        {"card": card("stinet", channels=32)},
        {"method": "tmnet"},
        {"dataset": "demo"},
        {"rate": 4},
    ],
    ids=lambda other: next(iter(other)),
)
def test_sets_are_never_mixed(other: dict[str, Any]) -> None:
    """Not even where two trainings have the same weights and seed."""
    both = [*crossed(), *crossed((0.0, 0.1), **other)]
    with pytest.raises(UsageError, match="sets are never mixed") as refused:
        curves(both)
    assert refused.value.found.startswith("2 that fit:\n  --method ")
    named = {"setting", "method", "dataset", "rate"} & set(other)
    if named:
        chosen = curves(both, Choice(**{name: other[name] for name in named}))
        assert weights(chosen.panels[0].curves[0]) == [0.0, 0.1]


def test_choices_say_how_sets_differ() -> None:
    both = [*crossed(), *crossed((0.0, 0.1), options={"mcl_relative": "exact"})]
    with pytest.raises(UsageError) as refused:
        curves(both)
    assert "(training.mcl_relative=exact): 9 runs, 300 iterations of 8 crops" in refused.value.found
    with pytest.raises(UsageError, match="none that fit, of these") as refused:
        curves(both, Choice(rate=6))
    with pytest.raises(UsageError, match="Did you mean 'stinet'"):
        curves(both, Choice(method="stinnet"))


def study(*cells: tuple[float, float, int]) -> Study:
    return Study(
        name="mcl-minutes",
        kind="sweep",
        setting="setting-1",
        budget="trained:davis270|recipe:minutes",
        datasets=("vid4",),
        rows=tuple(StudyRow(name=f"{per} {mcl}", method="stinet") for per, mcl, _ in cells),
        cells=tuple(
            StudyCell(row=index, seed=seed, key=key(per, mcl, seed), folder="x")
            for index, (per, mcl, seed) in enumerate(cells)
        ),
    )


def test_a_study_draws_its_own_trainings_with_its_own_budget() -> None:
    planned = study(*((0.1, mcl, seed) for mcl in VALUES for seed in range(4)))
    figure = curves([*crossed(), run(0.1, 0.5, 0)], study=planned)
    assert [panel.weight for panel in figure.panels] == ["lambda_mcl"]
    assert figure.signature.endswith("|trained:davis270|recipe:minutes")
    assert figure.seeds == 4
    assert all(not point.scores["psnr-y"].complete for point in figure.panels[0].curves[0].points)
    with pytest.raises(UsageError) as refused:
        curves([*crossed(), *crossed((0.0, 0.1), dataset="demo")], studies=[planned])
    assert "; --study mcl-minutes" in refused.value.found


def test_nothing_to_draw_is_answered() -> None:
    with pytest.raises(UsageError, match="harness sweep") as refused:
        curves([])
    assert refused.value.found == "no runs of weights that were trained here"
    untrained = fake_run(header("stinet", untrained=True))
    with pytest.raises(UsageError, match="3 runs of weights that were trained here"):
        curves([*(run(0.1, 0.1, seed) for seed in range(3)), untrained])
    with pytest.raises(UsageError, match="scored on the whole of Vid4"):
        curves(run(per, 0.1, 0, fail=1) for per in VALUES)


def test_trainings_that_a_clock_ended_say_how_far_they_came() -> None:
    runs = [run(per, 0.1, 0, max_seconds=60.0, iterations=300 + round(per)) for per in VALUES]
    figure = curves(runs)
    assert "300 to 301 iterations in 60 s of 8 crops" in figure.signature
    assert any("300 to 301 iterations" in remark for remark in figure.remarks)


def test_json_has_every_point() -> None:
    whole = json.loads(as_json(curves(crossed())))
    panel = whole["panels"][0]
    assert (panel["weight"], panel["chosen_in_the_paper"]) == ("lambda_per", 0.1)
    points = panel["curves"][0]["points"]
    assert panel["curves"][0]["lambda_mcl"] == 0.1
    assert [point["lambda_per"] for point in points] == list(VALUES)
    assert points[0]["psnr-y"]["mean"] == pytest.approx(23.91)
    assert points[0]["psnr-y"]["seeds"]["2"] == pytest.approx(psnr(0.0, 0.1, 2))
    assert set(points[0]) == {"lambda_per", "psnr-y", "ssim-y"}


def test_weights_stand_at_their_logarithms_and_zero_left_of_them() -> None:
    axis = _Axis((0.0, 0.01, 0.1, 1.0))
    assert [axis.at(weight) for weight in axis.weights[1:]] == pytest.approx([-2, -1, 0])
    assert axis.limits[0] < axis.at(0.0) < -2
    assert axis.labelled(0.1) == [0.1, 0.0, 1.0, 0.01]
    # Labels that would touch are left out, the paper's never.
    assert sorted(_Axis((0.01, 0.099, 0.1, 0.101, 1.0)).labelled(0.1)) == [0.01, 0.1, 1.0]
    assert _Axis((0.0, 0.1)).limits[0] < _Axis((0.0, 0.1)).at(0.0)


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_pictures_have_the_format_of_their_suffix_and_the_same_bytes_each_time(kind: str, tmp_path: Path) -> None:
    figure = curves(crossed())
    first, second = (draw_loss_weights(figure, tmp_path / f"{name}.{kind}").read_bytes() for name in "ab")
    assert first == second
    assert first.startswith({"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[kind])


def heights(line: Line2D) -> list[float]:
    return [float(y) for y in np.asarray(line.get_ydata())]


def test_every_curve_and_seed_is_drawn_where_it_belongs() -> None:
    figure, many = curves(crossed()), curves(run(per, mcl, 0) for per in VALUES for mcl in VALUES)
    for panel, metric in product(many.panels, many.columns):
        axes = Figure().add_subplot()
        _Plot(axes, panel, metric).draw()
        drawn = {round(y, 9) for line in axes.lines for y in heights(line)}
        points = [point for curve in panel.curves for point in curve.points]
        assert len(points) == 16
        assert {round(point.scores[metric.metric].mean, 9) for point in points} <= drawn
    axes, panel = Figure().add_subplot(), figure.panels[0]
    _Plot(axes, panel, figure.columns[0]).draw()
    dots = [heights(line) for line in axes.lines if line.get_linestyle() == "None" and len(heights(line)) == 3]
    assert dots == [list(point.scores["psnr-y"].values.values()) for point in panel.curves[0].points]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0.1", "0", "1", "0.01"]


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Known names: pdf, png, svg"):
        draw_loss_weights(curves(crossed()), tmp_path / "figure.jpeg")
