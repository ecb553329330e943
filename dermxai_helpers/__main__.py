"""dermxai: a course you can run. Not for clinical use."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whoever comes with an older Python shall read a sentence
    sys.exit(f"Error: the course needs Python 3.11 or newer, and this is {sys.version.split()[0]}: {sys.executable}")

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from dermxai_helpers import course

if sys.argv[1:] == ["doctor"]:
    sys.exit(course.doctor.main())  # before anything is imported that might be what is broken

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
assignments = typer.Typer(no_args_is_help=True, help="For instructors: make assignments, and grade them.")
app.add_typer(assignments, name="assignments")
ELSEWHERE = "make room, or name folders that you may write to: --out or DERMXAI_BUILD, DERMXAI_CACHE, TMPDIR"


@contextmanager
def sentences(stopped: str = "Stopped.") -> Iterator[None]:
    """Turn what a user can mend into a sentence and status 1, and Ctrl-C or SIGTERM into `stopped` and status 130."""
    try:
        yield
    except (course.CourseError, ValueError, OSError) as error:  # DataError is a ValueError
        advice = f"; {ELSEWHERE}" if getattr(error, "errno", None) else ""  # the system's words, not ours
        typer.echo(f"Error: {error}{advice}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        typer.echo(stopped, err=True)
        raise typer.Exit(130) from None


@app.command()
def run(
    data: Annotated[Path | None, typer.Option(help="A folder with HAM10000; without it lesions are drawn.")] = None,
    tier: Annotated[str, typer.Option(help="smoke or demo; a folder of data makes it ham10000.")] = "demo",
    unit: Annotated[list[str] | None, typer.Option(help="Only this unit, e.g. 03; may be repeated.")] = None,
    seed: Annotated[int, typer.Option(help="Decides drawings, splits and starting weights.")] = 0,
    jobs: Annotated[int | None, typer.Option(min=1, help="Units at once; by default 2 where memory allows.")] = None,
    out: Annotated[Path | None, typer.Option(help="A folder for the results; else $DERMXAI_BUILD, or build.")] = None,
) -> None:
    """Execute the units and write results.json and report.html."""
    with sentences("Stopped. Units that had finished keep their results: the same command goes on from there."):
        jobs = jobs or course.jobs_that_fit(data)
        folder = course.run("ham10000" if data else tier, data, unit or (), seed, jobs, out)
    typer.echo(f"The report is {folder / 'report.html'}")


@app.command()
def draw(
    folder: Annotated[Path, typer.Argument(help="Where to draw; must not exist yet.")],
    images: Annotated[int, typer.Option(min=3, help="How many photographs of drawn lesions.")] = 1200,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same files.")] = 0,
) -> None:
    """Write a folder of drawn lesions in HAM10000's own layout."""
    from dermxai_helpers import synth

    with sentences():
        if folder.exists():
            raise FileExistsError(f"{folder} exists already: name a new folder, so that nothing is overwritten")
        synth.write_folder(folder, images, seed)
    typer.echo(f"Drew {images} photographs into {folder}")


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="The data set: ham10000.")] = "ham10000",
    to: Annotated[Path | None, typer.Option(help="The folder to make; without it, one in the course's cache.")] = None,
) -> None:
    """Download the originals of HAM10000, 3 GB, and check them; an interrupted download goes on where it was."""
    from dermxai_helpers.data import fetch as originals

    with sentences("Stopped. What had arrived is kept: the same command goes on from there."):
        folder = originals.fetch(name, to)
    typer.echo(f"The data set is in {folder}; to use it: python -m dermxai_helpers run --data {folder}")


@assignments.command()
def build(
    folder: Annotated[Path, typer.Argument(help="Where to write; must not exist yet.")],
    seed: Annotated[int | None, typer.Option(min=0, help="Decides the hidden tests; best left out: drawn.")] = None,
) -> None:
    """Write the assignments: `release` for students, `source` for nbgrader, and what grading needs."""
    from dermxai_helpers.assignments import build

    with sentences():
        for name in build(folder, seed):
            typer.echo(f"Left out: {name}, because its unit is not in this checkout", err=True)
    typer.echo(f"Hand out {folder / 'release'}; keep {folder / 'source'} and instructor.json to yourself")


@assignments.command()
def grade(
    folder: Annotated[Path, typer.Argument(help="What `build` wrote, with notebooks in its folder `submitted`.")],
    jobs: Annotated[int | None, typer.Option(min=1, help="Answers at once; by default one a core.")] = None,
) -> None:
    """Grade what was handed in: grades.csv, and a page of feedback for each notebook."""
    from dermxai_helpers.assignments import grade

    with sentences("Stopped. Nothing was written."):
        typer.echo(f"The grades are in {grade(folder, jobs)}, the pages in {folder / 'feedback'}")


@app.command()
def lab() -> None:
    """Open the notebooks in JupyterLab."""
    with sentences():
        raise typer.Exit(subprocess.call([sys.executable, "-m", "jupyterlab", course.checkout() / "notebooks"]))


@app.command(name="doctor")
def diagnose() -> None:
    """Say what is wrong with this environment, and the remedy."""
    raise typer.Exit(course.doctor.main())


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cluster that ends a job shall leave a report, too
    app()
