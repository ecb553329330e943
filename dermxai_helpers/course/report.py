"""What did this run find, beside what the two documents state?

Collects what the units of one tier left in its folder into `results.json` and `report.html`; the page holds its figures
itself, so that it can be mailed.
"""

import base64
import importlib.metadata
import json
import platform
import tomllib
from pathlib import Path

from dermxai_helpers.course.record import VALUES_FILE, shown
from dermxai_helpers.course.run import UNIT_FILE
from dermxai_helpers.course.units import read_book
from dermxai_helpers.files import write_atomically

VERSIONS = ("dermxai_helpers", "torch", "torchvision", "timm", "transformers", "numpy", "pandas", "scikit-learn")
TEMPLATE = Path(__file__).parent / "report.html.j2"


def write(folder: Path, tier: str, seed: int) -> dict:
    """Write results.json and report.html into a tier's folder from the finished units; returns the results."""
    results = collect(folder, tier, seed)
    folder.mkdir(parents=True, exist_ok=True)
    page = render(results, folder)
    write_atomically(folder / "results.json", lambda path: path.write_text(json.dumps(results, indent=1)))
    write_atomically(folder / "report.html", lambda path: path.write_text(page, encoding="utf-8"))
    return results


def collect(folder: Path, tier: str, seed: int) -> dict:
    """The content of results.json: tier, seed, versions, and each finished unit with its cost, values and figures."""
    units = {}
    for place in sorted((folder / "results").glob("*/")):
        unit = json.loads((place / UNIT_FILE).read_text())
        told = place / VALUES_FILE
        unit |= json.loads(told.read_text()) if told.exists() else {"values": {}, "figures": {}}
        for picture in unit["figures"].values():
            picture["file"] = f"results/{place.name}/{picture['file']}"
        units[place.name] = unit | {"over_budget": over_budget(unit)}
    versions = {"python": platform.python_version(), **{name: version(name) for name in VERSIONS}}
    return {"tier": tier, "seed": seed, "versions": versions, "units": units}


def over_budget(unit: dict) -> list[str]:
    """A sentence for each budget that a unit has exceeded."""
    seconds, megabytes = unit["budget"]["seconds"], unit["budget"]["megabytes"]
    found = []
    if unit["seconds"] > seconds:
        found.append(f"took {unit['seconds']:.0f} s of {seconds:.0f}")
    if unit["peak_mb"] > megabytes:
        found.append(f"took {unit['peak_mb']:.0f} MB of {megabytes:.0f}")
    return found


def version(package: str) -> str:
    """The installed version of a package, or "not installed"."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def render(results: dict, folder: Path) -> str:
    """The report as one HTML page.

    results : as `collect` makes them     folder : where the figures' files are
    """
    import jinja2

    seeds = seed_documents()
    strict = {"autoescape": True, "undefined": jinja2.StrictUndefined}
    template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, **strict)
    return template.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        results=results,
        about=read_book()["tiers"][results["tier"]]["about"],
        documents=seeds["documents"],
        figures=[row | figure_of(results, row, folder) for row in seeds["figures"]],
        numbers=[row | number_of(results, row) for row in seeds["numbers"]],
        others=other_numbers(results, seeds["numbers"]),
    )


def seed_documents() -> dict:
    """The figures and numbers of the two documents, as seeds.toml lists them."""
    return tomllib.loads((Path(__file__).parent / "seeds.toml").read_text(encoding="utf-8"))


def figure_of(results: dict, row: dict, folder: Path) -> dict[str, str]:
    """What stands beside a document's figure: the picture as a data address, its description, what it was made with."""
    unit = results["units"].get(row["unit"])
    picture = unit and unit["figures"].get(row["name"])
    if not picture:
        return {"picture": "", "alt": absent(results, row), "made_with": ""}
    encoded = base64.b64encode((folder / picture["file"]).read_bytes()).decode()
    return {
        "picture": f"data:image/png;base64,{encoded}",
        "alt": picture["alt"],
        "made_with": unit["made_with"],
    }


def number_of(results: dict, row: dict) -> dict[str, str]:
    """What stands beside a document's number: this run's value, its interval, the baseline, what it was made with."""
    unit = results["units"].get(row["unit"])
    entry = unit and unit["values"].get(row["name"])
    if not entry:
        return {"value": absent(results, row), "interval": "", "baseline": "", "note": "", "made_with": ""}
    return described(entry) | {"made_with": unit["made_with"]}


def described(entry: dict) -> dict[str, str]:
    """A recorded value as words: value, interval, baseline, paper, note."""
    interval = "" if entry["low"] is None else f"{shown(entry['low'])} to {shown(entry['high'])}"
    baseline, paper = (shown(entry[key]) if entry[key] is not None else "" for key in ("baseline", "paper"))
    return {
        "value": shown(entry["value"]),
        "interval": interval,
        "baseline": baseline,
        "paper": paper,
        "note": entry["note"],
    }


def absent(results: dict, row: dict) -> str:
    """Why a result is not there."""
    if row["unit"] not in results["units"]:
        return f"unit {row['unit']} has not run to its end"
    return f"unit {row['unit']} did not record {row['name']}"


def other_numbers(results: dict, shown_already: list[dict]) -> list[dict[str, str]]:
    """Every recorded value that no row of the documents' table shows."""
    taken = {(row["unit"], row["name"]) for row in shown_already}
    return [
        {"unit": name, "name": key, "made_with": unit["made_with"], **described(entry)}
        for name, unit in results["units"].items()
        for key, entry in unit["values"].items()
        if (name, key) not in taken
    ]
