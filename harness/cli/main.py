"""`harness`: one verb a file. Parsing here, work elsewhere; nothing heavy is imported before a verb runs."""

import typer
from typer.core import TyperGroup

from harness import __version__
from harness.cli import ablate, compare, data, doctor, parity, plot, run, speed, sweep, table, train, weights
from harness.cli import list as list_verb
from harness.errors import HarnessError


class _Verbs(TyperGroup):
    """Turns errors that the user can act on into a message and the exit codes of the documentation."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except HarnessError as error:
            typer.secho("Error: ", fg="red", bold=True, err=True, nl=False)
            typer.echo(str(error), err=True)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as stop:
            typer.echo("Interrupted.", err=True)
            raise typer.Exit(130) from stop


app = typer.Typer(
    name="harness",
    cls=_Verbs,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Benchmark and ablation harness for space-time video super-resolution.",
    epilog="Exit codes: 0 all fine · 1 some clips or cells failed (results kept) · 2 bad use or bad input · "
    "3 a check against reference numbers failed · 130 interrupted.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"harness {__version__}")
        raise typer.Exit


@app.callback()
def harness(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Benchmark and ablation harness for space-time video super-resolution."""
    del version


app.command("run")(run.run)
app.command("list")(list_verb.list_cards)
app.command("table")(table.table)
app.add_typer(plot.app, name="plot")
app.command("compare")(compare.compare)
app.add_typer(data.app, name="data")
app.add_typer(weights.app, name="weights")
app.command("speed")(speed.speed)
app.command("parity")(parity.parity)
app.command("train")(train.train)
app.command("sweep")(sweep.sweep)
app.command("ablate")(ablate.ablate)
app.command("doctor")(doctor.doctor)


def main() -> None:
    """The console script."""
    app(prog_name="harness")


if __name__ == "__main__":
    main()
