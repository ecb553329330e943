"""What a run found, beside what the two documents state: results.json, and report.html with its figures inside."""

import base64
import json
import platform
import tomllib
from pathlib import Path

from dermxai_helpers.course.doctor import installed
from dermxai_helpers.course.record import UNIT_FILE, VALUES_FILE, shown
from dermxai_helpers.course.units import read_book
from dermxai_helpers.files import write_atomically

PACKAGES = ("dermxai_helpers", "torch", "torchvision", "timm", "transformers", "numpy", "pandas", "scikit-learn")


def write(folder: Path, tier: str, seed: int) -> None:
    """Write results.json and report.html into a tier's folder from the finished units."""
    versions = {name: installed(name) for name in PACKAGES}
    units = {place.name: finished_unit(place) for place in sorted((folder / "results").glob("*/"))}
    results = {"tier": tier, "seed": seed, "versions": {"python": platform.python_version()} | versions, "units": units}
    page = render(results, folder)
    write_atomically(folder / "results.json", lambda path: path.write_text(json.dumps(results, indent=1)))
    write_atomically(folder / "report.html", lambda path: path.write_text(page, encoding="utf-8"))


def finished_unit(place: Path) -> dict:
    """A finished unit's cost, values and figures, from the folder with its results."""
    unit = json.loads((place / UNIT_FILE).read_text())
    told = place / VALUES_FILE
    unit |= json.loads(told.read_text()) if told.exists() else {"values": {}, "figures": {}}
    for figure in unit["figures"].values():
        figure["file"] = f"results/{place.name}/{figure['file']}"
    spent = (("s", unit["seconds"], unit["budget"]["seconds"]), ("MB", unit["peak_mb"], unit["budget"]["megabytes"]))
    unit["over_budget"] = [f"took {used:.0f} {sign} of {most:.0f}" for sign, used, most in spent if used > most]
    return unit


def render(results: dict, folder: Path) -> str:
    """The report as one HTML page; folder : where the files of the figures are."""
    import jinja2

    def picture(file: str) -> str:
        return "data:image/png;base64," + base64.b64encode((folder / file).read_bytes()).decode()

    strict = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, autoescape=True, undefined=jinja2.StrictUndefined)
    strict.filters |= {"shown": shown, "picture": picture}
    template = strict.from_string(Path(__file__).with_name("report.html.j2").read_text(encoding="utf-8"))
    about = read_book()["tiers"][results["tier"]]["about"]
    return template.render(results=results, about=about, **seed_documents())


def seed_documents() -> dict:
    """The figures and numbers of the two documents, as seeds.toml lists them."""
    return tomllib.loads(Path(__file__).with_name("seeds.toml").read_text(encoding="utf-8"))
