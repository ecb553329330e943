"""The command line: python -m dermxai_helpers run, draw, notebooks, environment or doctor."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from dermxai_helpers import doctor

if sys.argv[1:] == ["doctor"]:
    sys.exit(doctor.main())  # before anything is imported that might be what is broken

import typer

ABOUT = "dermxai: a course you can run. Not for clinical use."
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=ABOUT)


@contextmanager
def sentences() -> Iterator[None]:
    """Turn what a user can mend into a sentence and exit status 1, and Ctrl-C into status 130; no traceback."""
    from dermxai_helpers.course import CourseError
    from dermxai_helpers.data import DataError

    try:
        yield
    except (CourseError, DataError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        typer.echo("Stopped. Units that had finished keep their results; nothing half-written is left.", err=True)
        raise typer.Exit(130) from None


@app.command()
def run(
    data: Annotated[Path | None, typer.Option(help="A folder with HAM10000; without it lesions are drawn.")] = None,
    tier: Annotated[str, typer.Option(help="smoke or demo; a folder of data makes it ham10000.")] = "demo",
    unit: Annotated[list[str] | None, typer.Option(help="Only this unit, e.g. 03; may be repeated.")] = None,
    seed: Annotated[int, typer.Option(help="Decides drawings, splits and starting weights.")] = 0,
) -> None:
    """Execute the units and write results.json and report.html."""
    from dermxai_helpers import course

    with sentences():
        folder = course.run("ham10000" if data else tier, data, unit or (), seed)
    typer.echo(f"The report is {folder / 'report.html'}")


@app.command()
def draw(
    folder: Annotated[Path, typer.Argument(help="Where to draw; must not exist yet.")],
    images: Annotated[int, typer.Option(min=3, help="How many photographs of drawn lesions.")] = 1200,
    seed: Annotated[int, typer.Option(help="The same seed draws the same files.")] = 0,
) -> None:
    """Write a folder of drawn lesions in HAM10000's own layout."""
    from dermxai_helpers import synth
    from dermxai_helpers.data import DataError

    with sentences():
        if folder.exists():
            raise DataError(folder, ["exists already: name a folder that does not, so that nothing is overwritten"])
        synth.write_folder(folder, images, seed)
    typer.echo(f"Drew {images} photographs into {folder}")


@app.command()
def notebooks(
    unit: Annotated[list[str] | None, typer.Option(help="Only this unit, e.g. 03; may be repeated.")] = None,
) -> None:
    """Derive the notebooks from notebooks/src and execute them with outputs kept."""
    from dermxai_helpers import notebooks as publishing

    with sentences():
        for path in publishing.refresh(unit or ()):
            typer.echo(f"wrote {path}")


@app.command()
def environment() -> None:
    """Write environment.yml and binder/environment.yml from pyproject.toml."""
    from dermxai_helpers import course
    from dermxai_helpers import environment as packages

    with sentences():
        for path in packages.write(course.checkout()):
            typer.echo(f"wrote {path}")


@app.command(name="doctor")
def diagnose() -> None:
    """Say what is wrong with this environment, and the remedy."""
    raise typer.Exit(doctor.main())


if __name__ == "__main__":
    app()
