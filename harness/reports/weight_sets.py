"""Which of all trainings may be drawn together over the weights of their losses.

They differ in nothing but the two weights and the seed: one method with one set of options and other losses, one
setting (recipe, data, first weights), scored on one dataset at one rate. Where the records hold several such sets,
the user chooses: nothing is mixed, and nothing is guessed.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.cards.library import CardLibrary
from harness.cards.method import Training
from harness.errors import UsageError
from harness.names import suggest
from harness.records.study import Study
from harness.reports.layouts import paper_layouts
from harness.reports.measured import RunLike, card_changes, training_changes
from harness.reports.study_runs import belongs, budget_of, trainings

Weights = tuple[float, float]
"""The values of the two weights, in the order of the layout: (lambda_per, lambda_mcl)."""

_DIGITS = 8
"""Of a setting: so many are shown, and that many are enough to choose it."""
_MAKE = "harness sweep with --grid training.lambda_per=0,0.01,0.1,1 trains and scores such a set"


def weight_names() -> tuple[str, str]:
    """The two options of `[training]`."""
    first, second = paper_layouts().loss_weights
    return first, second


@dataclass(frozen=True)
class Trained:
    """A run, and how its weights were trained."""

    run: RunLike
    training: Training

    @property
    def weights(self) -> Weights:
        """Of its losses; an option that the record lacks is 0, as in a card."""
        first, second = (float(self.training.options.get(name, 0.0)) for name in weight_names())
        return first, second


@dataclass(frozen=True)
class Choice:
    """What the user asks for; None: whatever there is."""

    method: str | None = None
    dataset: str | None = None
    rate: int | None = None
    setting: str | None = None


@dataclass(frozen=True, order=True)
class WeightSet:
    """What the trainings of one figure share; `options` and `losses` as JSON."""

    method: str
    dataset: str
    rate: int
    setting: str
    options: str
    losses: str

    @classmethod
    def of(cls, one: Trained) -> "WeightSet":
        """The set that a run belongs to."""
        header, training = one.run.header, one.training
        losses = {key: value for key, value in training.options.items() if key not in weight_names()}
        return cls(
            method=header.method.partition("@")[0],
            dataset=header.dataset,
            rate=header.rate,
            # Records from before settings were hashed have words instead.
            setting=training.setting or training.budget,
            options=json.dumps(header.method_card, sort_keys=True),
            losses=json.dumps(losses, sort_keys=True),
        )

    def fits(self, choice: Choice) -> bool:
        """It is what was asked for."""
        return (
            choice.method in (None, self.method)
            and choice.dataset in (None, self.dataset)
            and choice.rate in (None, self.rate)
            and self.setting.startswith(choice.setting or "")
        )


@dataclass(frozen=True)
class Records:
    """What there is to choose from.

    Args:
        runs: all that was measured.
        library: cards, to say how sets differ.
        study: only its trainings; None: all.
        studies: all studies, to name them in a list of choices.
    """

    runs: Sequence[RunLike]
    library: CardLibrary
    study: Study | None = None
    studies: Sequence[Study] = ()

    def trained(self) -> list[Trained]:
        """The runs of weights that were trained here."""
        return [
            Trained(run, found[0])
            for run in self.runs
            if len(found := trainings(run)) == 1 and (self.study is None or belongs(run, self.study))
        ]

    def words(self, key: WeightSet, listed: Sequence[Trained]) -> str:
        """A set as a line of a list of choices."""
        header = listed[0].run.header
        changes = (
            card_changes(key.method, header.method_card, self.library),
            training_changes(key.method, header, self.library, but=weight_names()),
        )
        changed = ", ".join(filter(None, changes))
        named = [one.name for one in self.studies if any(belongs(each.run, one) for each in listed)]
        return (
            f"--method {key.method} --dataset {key.dataset} --rate {key.rate} --setting {key.setting[:_DIGITS]}"
            + (f" ({changed})" if changed else "")
            + f": {len(listed)} runs, {budget_of(one.training for one in listed)}"
            + "".join(f"; --study {name}" for name in named)
        )


def find_set(records: Records, choice: Choice) -> tuple[WeightSet, tuple[Trained, ...]]:
    """The one set that fits, and its runs. Raises UsageError: there is none, or more than one."""
    trained = records.trained()
    every: dict[WeightSet, list[Trained]] = {}
    for one in trained:
        every.setdefault(WeightSet.of(one), []).append(one)
    sets = {key: tuple(listed) for key, listed in sorted(every.items()) if varies({one.weights for one in listed})}
    if not sets:
        raise UsageError(
            "Trainings that differ in nothing but a weight of their losses, scored on one dataset, are wanted.",
            found=f"{len(trained) or 'no'} runs of weights that were trained here"
            + (f" for the study '{records.study.name}'" if records.study is not None else ""),
            todo=_MAKE,
        )
    _check_names(choice, sets)
    fitting = {key: listed for key, listed in sets.items() if key.fits(choice)}
    if len(fitting) != 1:
        lines = "".join(f"\n  {records.words(key, listed)}" for key, listed in (fitting or sets).items())
        raise UsageError(
            "One set of trainings is drawn; sets are never mixed.",
            found=f"{len(fitting) or 'none'} that fit{'' if fitting else ', of these'}:{lines}",
            todo="choose one: its --study, or enough of its --method, --dataset, --rate and --setting",
        )
    return next(iter(fitting.items()))


def varies(weights: Collection[Weights]) -> bool:
    """Two of them share one weight and differ in the other."""
    return any((one[0] == other[0]) != (one[1] == other[1]) for one in weights for other in weights)


def _check_names(choice: Choice, sets: Mapping[WeightSet, object]) -> None:
    """Raises UsageError for a method or dataset of which there is no set, naming those of which there is one."""
    wanted: Iterable[tuple[str, str | None, set[str]]] = (
        ("method", choice.method, {one.method for one in sets}),
        ("dataset", choice.dataset, {one.dataset for one in sets}),
    )
    for what, name, known in wanted:
        if name is not None and name not in known:
            raise UsageError(f"The {what} '{name}' has no trainings over loss weights.", todo=suggest(name, known))
