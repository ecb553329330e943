"""Do the notebooks keep the contract: derived from sources, small cells, described figures, nothing of one machine?"""

import ast
import json
import re
import statistics
import subprocess
import sys
import tomllib
import types

import nbformat
import papermill
import pytest
from offline import REPOSITORY, script

from dermxai_helpers import course
from dermxai_helpers.course import editions
from dermxai_helpers.course.units import out_of_range

notebooks = script(".ci/notebooks.py")
NOTEBOOKS = REPOSITORY / "notebooks"
UNITS = {unit.name: unit for unit in course.units("demo")}
BOOTSTRAP = (NOTEBOOKS / "src" / "bootstrap.txt").read_text().strip()
VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
COLAB = f"https://colab.research.google.com/github/dermxai/dermxai/blob/v{VERSION}/notebooks/{{name}}.ipynb"
BINDER = f"https://mybinder.org/v2/gh/dermxai/dermxai/v{VERSION}?labpath=notebooks%2F{{name}}.ipynb"
NETWORK = r"https?://|\brequests\b|\burllib|\bwget\b|\bcurl\b|snapshot_download|hf_hub_download|^\s*[!%]"
HANGS = r"\b(interact|interactive|interactive_output|Output)\s*\("
UNSAFE = r"trust_remote_code|pickle|weights_only\s*=\s*False|\.cuda\(|cuda:0|['\"](jet|hsv|rainbow)['\"]"

every_unit = pytest.mark.parametrize("name", UNITS)


def derived(name):
    return notebooks.derive(UNITS[name].source)


def committed(name):
    path = NOTEBOOKS / f"{name}.ipynb"
    assert path.exists(), f"there is no {path.name}: run `make notebooks`"
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tagged(notebook, tag):
    return [cell for cell in notebook.cells if tag in notebooks.tags(cell)]


def prose(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


# --- the sources ---


@every_unit
def test_first_cell(name):
    first = derived(name).cells[0].source
    badges = f"[Open in Colab]({COLAB}) · [Open in Binder]({BINDER}) · ".format(name=name)
    (line,) = [text for text in first.splitlines() if text.startswith("[Open in Colab]")]
    assert line.startswith(badges) and re.fullmatch(r"\d+ minutes · CPU is enough \(\d\.\d GB\)", line[len(badges) :])
    for words in ("What you will do", "What you will learn", "What you need"):
        assert f"**{words}**" in first
    assert "> **Claim.**" in first and "> **Control.**" in first


@every_unit
def test_prose(name):
    text = prose(derived(name))
    assert 1000 <= len(text.split()) <= 3000
    assert re.search(r"^## .*does \*not\* show", text, re.MULTILINE | re.IGNORECASE)
    reading = re.split(r"further reading", text, flags=re.IGNORECASE)[-1]
    assert 3 <= len(re.findall(r"^- ", reading, re.MULTILINE)) <= 6
    assert len(re.findall(r"doi:10\.\d{4}|arXiv:\d{4}\.\d{4}", reading)) >= 3
    assert not re.search(r"the (model|network|transformer|classifier) (looks|looked) at", text)


@every_unit
def test_cells(name):
    notebook = derived(name)
    sizes = sorted(sum(bool(line.strip()) for line in cell.source.splitlines()) for cell in code_cells(notebook))
    assert len(notebook.cells) >= 25
    assert statistics.median(sizes) <= 6 and sizes[int(0.9 * (len(sizes) - 1))] <= 20 and sizes[-1] <= 40


@every_unit
def test_bootstrap_is_the_same_everywhere(name):
    (cell,) = tagged(derived(name), "bootstrap")
    assert cell.source.strip() == BOOTSTRAP


@every_unit
def test_parameters(name):
    notebook = derived(name)
    (cell,) = tagged(notebook, "parameters")
    assert notebook.cells.index(cell) == 2, "title, bootstrap, parameters"
    stated = {}
    for line, statement in zip(cell.source.splitlines(), ast.parse(cell.source).body, strict=True):
        assert isinstance(statement, ast.Assign), f"only assignments: {line}"
        stated[statement.targets[0].id] = ast.literal_eval(statement.value)
        assert len(line.partition("#")[2].split()) >= 3, f"a comment states the legal range: {line}"
    assert UNITS[name].parameters.items() <= stated.items(), "the defaults are those of the demo tier"
    assert set(stated) == set(papermill.inspect_notebook(notebook))
    ranges = UNITS[name].ranges
    assert set(stated) == set(ranges) and out_of_range(ranges, stated) == []
    for line, parameter in zip(cell.source.splitlines(), stated, strict=True):
        assert in_comment(ranges[parameter]) <= set(re.findall(r'\d+ to \d+|"[^"]*"', line)), "say what is enforced"


def in_comment(allowed):
    """What a parameter's comment must state, given its range in course.toml."""
    if isinstance(allowed, str):
        return set() if allowed == "text" else {'"demo"'}
    return {f'"{word}"' for word in allowed} if isinstance(allowed[0], str) else {f"{allowed[0]} to {allowed[1]}"}


@every_unit
def test_parameters_are_checked_before_any_work(name):
    """Papermill puts its values between the parameters cell and the next one."""
    _, parameters, first, *_ = (cell for cell in derived(name).cells if cell.cell_type == "code")
    assert "parameters" in notebooks.tags(parameters)
    statements = [node for node in ast.parse(first.source).body if not isinstance(node, ast.Import | ast.ImportFrom)]
    number = name.partition("_")[0]
    assert ast.unparse(statements[0]) == f"course.check_parameters({number!r}, globals())"


@every_unit
def test_every_tier_passes_declared_parameters_only(name):
    declared = set(papermill.inspect_notebook(derived(name)))
    for tier in course.TIERS:
        units = course.units(tier, data="somewhere" if tier == "ham10000" else None)
        assert set(next(unit for unit in units if unit.name == name).parameters) <= declared


@every_unit
def test_code_stays_offline_safe_and_alive(name):
    for cell in code_cells(derived(name)):
        if "bootstrap" not in notebooks.tags(cell):
            for pattern in (NETWORK, HANGS, UNSAFE):
                found = re.search(pattern, cell.source, re.MULTILINE)
                assert not found, f"{found.group()!r} in:\n{cell.source}"


@every_unit
def test_pictures_in_the_text_are_described(name):
    for alt in re.findall(r"!\[([^\]]*)\]\(", prose(derived(name))):
        assert len(alt.split()) >= 4
    assert "<img" not in prose(derived(name))


@every_unit
def test_golden_cells(name):
    """Numbers that no tier and no machine may change; test_smoke_road compares them."""
    assert tagged(derived(name), "nbval-check-output"), "tag the cells whose output never changes"


# --- the bootstrap cell ---


def run_bootstrap(monkeypatch, colab, missing=()):
    """Execute the cell; returns the commands it would have run."""
    commands = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: commands.append(command))
    real = __import__("importlib.util").util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda module: None if module in missing else real(module))
    if colab:
        monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    exec(compile(BOOTSTRAP, "bootstrap", "exec"), {})
    return commands


def test_bootstrap_does_nothing_outside_colab(monkeypatch):
    assert run_bootstrap(monkeypatch, colab=False, missing=["pytorch_grad_cam", "dermxai_helpers"]) == []


def test_bootstrap_installs_nothing_that_is_there(monkeypatch):
    assert run_bootstrap(monkeypatch, colab=True) == []


def test_bootstrap_installs_only_what_is_missing(monkeypatch):
    (command,) = run_bootstrap(monkeypatch, colab=True, missing=["pytorch_grad_cam", "dermxai_helpers"])
    assert command[:4] == [sys.executable, "-m", "pip", "install"] and "--no-deps" in command
    packages = [word for word in command[4:] if not word.startswith("-")]
    assert packages == [f"git+https://github.com/dermxai/dermxai@v{VERSION}", "grad-cam"]


# --- the notebooks that people read ---


@every_unit
def test_notebook_is_derived_from_its_source(name):
    wanted, found = derived(name), committed(name)
    first, second = (
        [(cell.id, cell.cell_type, cell.source, notebooks.tags(cell)) for cell in book.cells]
        for book in (wanted, found)
    )
    assert first == second, "run `make notebooks`"
    assert found.metadata == wanted.metadata


@every_unit
def test_exercises_are_open_and_the_quiz_is_folded(name):
    book = committed(name)
    verdicts = [cell.outputs[0].data["text/plain"] for cell in tagged(book, "check")]
    assert verdicts and all(one.startswith("○ not attempted") for one in verdicts)
    (quiz,) = tagged(book, "quiz")
    html = quiz.outputs[0].data["text/html"]
    assert html.count("<li>") == 5 and html.count("<details>") >= 10 and html.count("<p>Right. ") == 5


@every_unit
def test_solutions_are_derived_executed_and_right(name):
    wanted = notebooks.derive(UNITS[name].source, editions.solutions)
    found = nbformat.read(NOTEBOOKS / "solutions" / f"{name}.ipynb", as_version=4)
    assert [(cell.id, cell.source) for cell in found.cells] == [(cell.id, cell.source) for cell in wanted.cells]
    verdicts = [cell.outputs[0].data["text/plain"] for cell in tagged(found, "check")]
    assert verdicts and all(one.startswith("● right") for one in verdicts)
    assert len(tagged(found, "solution")) >= len(verdicts), "each solution is explained"


@every_unit
def test_notebook_has_run_from_top_to_bottom(name):
    cells = code_cells(committed(name))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert outputs and not any(output.output_type == "error" for output in outputs)
    warnings = [output.text for output in outputs if output.get("name") == "stderr"]
    assert warnings == [], "warnings and progress bars are not for readers"


@every_unit
def test_figures_are_described(name):
    pictures = [
        (output.metadata.get("image/png", {}).get("alt", ""), output.data["text/plain"])
        for cell in code_cells(committed(name))
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert pictures, "every unit has a figure"
    for alt, text in pictures:
        assert len(alt.split()) >= 6 and alt == text, "show figures with course.figure or plots.show"


@every_unit
def test_notebook_is_small_and_names_no_machine(name):
    path = NOTEBOOKS / f"{name}.ipynb"
    assert notebooks.machine_paths(committed(name)) == []
    assert path.stat().st_size <= 1_000_000
    metadata = [cell.metadata for cell in committed(name).cells]
    assert all(set(entry) <= {"tags"} for entry in metadata), "no run times, no papermill notes"


@every_unit
def test_stated_memory_is_enough(name):
    measured = json.loads((NOTEBOOKS / "measured.json").read_text())
    stated = float(notebooks.BADGES.search(UNITS[name].source.read_text()).group(2))
    assert measured[name]["peak_mb"] <= 1000 * stated + 50, "the line of badges states too little"
    assert measured[name]["peak_mb"] <= UNITS[name].megabytes


def test_no_other_notebooks():
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(UNITS)
    assert {path.stem for path in (NOTEBOOKS / "src").glob("*.py")} == set(UNITS)


def test_the_appendix_is_derived_from_its_sources():
    sources = {path.stem: path for path in (NOTEBOOKS / "src" / "appendix").glob("*.py")}
    assert {path.stem for path in (NOTEBOOKS / "appendix").glob("*.ipynb")} == set(sources), "run `make notebooks`"
    for name, source in sources.items():
        found = nbformat.read(NOTEBOOKS / "appendix" / f"{name}.ipynb", as_version=4)
        if name in notebooks.EXECUTED:
            ran = [cell.pop("outputs") and cell.pop("execution_count") for cell in code_cells(found)]
            assert any(ran), "an executed page has outputs"
            for cell in code_cells(found):
                cell.update(outputs=[], execution_count=None)
        assert found == notebooks.derive(source), "run `python .ci/notebooks.py appendix`"


# --- the README ---


def test_readme():
    text = (REPOSITORY / "README.md").read_text()
    assert len(text.splitlines()) <= 70, "one screen"
    assert notebooks.TABLE.search(text).group().splitlines()[1:-1] == notebooks.units_table(REPOSITORY).splitlines()
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        assert (REPOSITORY / link).exists(), link
    assert all(len(alt.split()) >= 3 for alt in re.findall(r"!\[([^\]]*)\]", text))
    for words in ("Not for clinical use", "make run", "CC BY-NC", "Rodriguez", "Gauthier", "2 GB"):
        assert words in text
