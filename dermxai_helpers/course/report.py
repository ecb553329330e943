"""What a run found, beside what the two documents state: results.json, and report.html with its figures inside."""

import base64
import json
import platform
import sys
import tomllib
from pathlib import Path

from dermxai_helpers.course.doctor import installed
from dermxai_helpers.course.record import GIVEN, NAME, NOTHING_TOLD, SEEDS, UNIT_FILE, VALUES_FILE, shown
from dermxai_helpers.course.units import read_book
from dermxai_helpers.files import write_atomically

PACKAGES = ("dermxai_helpers", "torch", "torchvision", "timm", "transformers", "numpy", "pandas", "scikit-learn")
FAILED = ".failed.txt"  # what stopped a unit's last attempt, and its parameters
UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)


def write(folder: Path, tier: str) -> None:
    """Write results.json and report.html into a tier's folder from the finished units, and name what is unreadable."""
    units, unread = {}, {}
    for place in sorted((folder / "results").glob("*")):
        try:
            units[place.name] = finished_unit(place)
        except UNREADABLE as error:
            unread[place.name] = f"no results of a unit ({type(error).__name__}: {error})"
            print(f"Left out of the report: {place.name}, {unread[place.name]}", file=sys.stderr)
    notes = sorted(folder.glob(f"*{FAILED}"))
    failed = {note.name.removesuffix(FAILED): note.read_text(encoding="utf-8", errors="replace") for note in notes}
    results = {"tier": tier, "versions": versions(), "units": units, "failed": failed, "unread": unread}
    page, text = render(results, folder), json.dumps(results, indent=1, allow_nan=False)
    write_atomically(folder / "results.json", lambda path: path.write_text(text))
    write_atomically(folder / "report.html", lambda path: path.write_text(page, encoding="utf-8", errors="replace"))


def versions() -> dict[str, str]:
    """The versions that the numbers depend on."""
    return {"python": platform.python_version()} | {name: installed(name) for name in PACKAGES}


def finished_unit(place: Path) -> dict:
    """A finished unit's cost, values, claims and figures; raises one of UNREADABLE where any is missing or damaged."""
    unit, told = json.loads((place / UNIT_FILE).read_text(encoding="utf-8")), place / VALUES_FILE
    told = json.loads(told.read_text(encoding="utf-8")) if told.exists() else NOTHING_TOLD
    unit["values"] = {name: {key: one[key] for key in (*GIVEN, "note")} for name, one in told["values"].items()}
    unit["claims"] = list(told["claims"].values())
    unit["seed"], unit["figures"] = unit["parameters"].get("seed"), {}
    for name, figure in told["figures"].items():
        path = place / f"{name}.png"
        if not NAME.fullmatch(name) or path.is_symlink() or not path.read_bytes().startswith(b"\x89PNG"):
            raise ValueError(f"the figure {name} is no picture of this unit")
        unit["figures"][name] = {"file": f"results/{place.name}/{path.name}", "alt": str(figure["alt"])}
    spent = (("s", unit["seconds"], unit["budget"]["seconds"]), ("MB", unit["peak_mb"], unit["budget"]["megabytes"]))
    unit["over_budget"] = [f"took {used:.0f} {sign} of {most:.0f}" for sign, used, most in spent if (used or 0) > most]
    return {"made_with": ""} | unit


def holds(place: Path, made_from: dict) -> bool:
    """Whether a unit's results are there, made from just this."""
    try:
        return made_from.items() <= finished_unit(place).items()
    except UNREADABLE:
        return False


def render(results: dict, folder: Path) -> str:
    """The report as one HTML page, in which all that was recorded is text; folder : where the files of figures are."""
    import jinja2

    def picture(file: str) -> str:
        return "data:image/png;base64," + base64.b64encode((folder / file).read_bytes()).decode()

    strict = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, autoescape=True, undefined=jinja2.StrictUndefined)
    strict.filters |= {"shown": shown, "picture": picture}
    template = strict.from_string(Path(__file__).with_name("report.html.j2").read_text(encoding="utf-8"))
    about = read_book()["tiers"][results["tier"]]["about"]
    seeds = sorted({str(unit["seed"]) for unit in results["units"].values()})
    return template.render(results=results, about=about, seeds=seeds, names=SEEDS, **seed_documents())


def seed_documents() -> dict:
    """The figures and numbers of the two documents, as seeds.toml lists them."""
    return tomllib.loads(Path(__file__).with_name("seeds.toml").read_text(encoding="utf-8"))
