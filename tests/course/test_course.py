"""Do units run with the right parameters, tell what they found, and fail in a way that one can act on?"""

import asyncio
import gc
import importlib
import json
import logging
import math
import re
import signal
import subprocess
import sys
import time

import nbformat
import numpy as np
import offline
import psutil
import pytest
from matplotlib.figure import Figure
from nbclient.exceptions import DeadKernelError

from dermxai_helpers import course
from dermxai_helpers.course import execution, notebooks, report
from dermxai_helpers.files import DataError

TOY = """# %% [markdown]
# # Toy
#
# [Open in Colab](x) · [Open in Binder](y) · 12 minutes · CPU is enough (0.4 GB)

# %% tags=["parameters"]
images = 1200  # how many
seed = 0       # any

# %%
from dermxai_helpers import course
from matplotlib.figure import Figure
from nbclient.exceptions import DeadKernelError

figure = Figure((2, 2))
figure.subplots().plot([0, seed])
course.figure("line", (figure, "a line that rises from zero to the seed"))

# %%
ballast = bytearray(40_000_000)
course.record("images", images, baseline=7.5, paper="many & <few>")

# %%
NOTHING
"""
TIER = {
    "about": "a tier of the tests",
    "seconds": 60,
    "megabytes": 900,
    "cell_seconds": 20,
    "made_with": "toys",
    "parameters": {"images": 60},
}
MODULES = [f"dermxai_helpers.course{name}" for name in ("", ".units", ".run", ".report", ".notebooks")]
FIRST, SECOND = "10_first", "11_second"


def unit(name, **more):
    """A unit's entry in course.toml."""
    stated = {"name": name, "title": name.title(), "question": "Why?"}
    return stated | {"takes": ["images", "seed"], "least_seconds": 0.1} | more


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """A checkout with two small units; returns a function that changes one unit's source or entry."""
    sources = tmp_path / "notebooks" / "src"
    sources.mkdir(parents=True)
    book = {"tiers": {"demo": TIER}, "units": [unit(FIRST), unit(SECOND)]}
    for module in map(importlib.import_module, MODULES):
        for name, stand_in in (("checkout", lambda: tmp_path), ("read_book", lambda: book)):
            monkeypatch.setattr(module, name, stand_in, raising=False)

    def change(name, last_cell="", **entry):
        (sources / f"{name}.py").write_text(TOY.replace("NOTHING", last_cell))
        next(known for known in book["units"] if known["name"] == name).update(entry)

    change(FIRST)
    change(SECOND)
    return change


def leftovers(folder):
    """What should not be there: hidden and temporary files and folders."""
    return [path for path in folder.rglob(".*") if ".ipynb_checkpoints" not in path.parts]


# --- running ---


def test_run(toys, tmp_path):
    folder = course.run("demo", seed=3)
    assert folder == tmp_path / "build" / "demo"
    results = json.loads((folder / "results.json").read_text())
    assert (results["tier"], results["seed"], list(results["units"])) == ("demo", 3, [FIRST, SECOND])
    assert re.match(r"\d+\.\d+", results["versions"]["torch"])
    first = results["units"][FIRST]
    assert first["parameters"] == {"images": 60, "seed": 3}
    assert first["values"]["images"]["value"] == 60 and first["values"]["images"]["baseline"] == 7.5
    assert first["figures"]["line"]["alt"] == "a line that rises from zero to the seed"
    assert (folder / first["figures"]["line"]["file"]).read_bytes().startswith(b"\x89PNG")
    assert 80 < first["peak_mb"] < 900 and 0.1 < first["seconds"]
    assert first["over_budget"] == [] and leftovers(folder) == []
    executed = nbformat.read(folder / f"{FIRST}.ipynb", as_version=4)
    assert any("injected-parameters" in cell.metadata.get("tags", []) for cell in executed.cells)


def test_run_of_some_units_keeps_the_others(toys):
    folder = course.run("demo", names=["10"], seed=1)
    course.run("demo", names=["11"], seed=2)
    units = json.loads((folder / "results.json").read_text())["units"]
    assert [units[name]["parameters"]["seed"] for name in (FIRST, SECOND)] == [1, 2]


def test_failing_unit(toys, tmp_path):
    toys(SECOND, "1 / 0")
    said = "unit 11_second stopped: ZeroDivisionError in cell 6: division by zero"
    with pytest.raises(course.CourseError, match=said):
        course.run("demo")
    folder = tmp_path / "build" / "demo"
    assert list(json.loads((folder / "results.json").read_text())["units"]) == [FIRST]
    assert "unit" in (folder / "report.html").read_text()
    assert (folder / f"{SECOND}.failed.ipynb").exists() and not (folder / f"{SECOND}.ipynb").exists()
    assert leftovers(folder) == []


def test_endless_cell(toys):
    toys(FIRST, "import time; time.sleep(60)")
    course.read_book()["tiers"]["demo"] = TIER | {"cell_seconds": 1}
    with pytest.raises(course.CourseError, match="unit 10_first stopped: .*[Tt]ime"):
        course.run("demo", names=["10"])


def test_undeclared_parameter(toys):
    toys(FIRST, demo={"parameters": {"treshold": 0.4}})
    said = "no parameter named treshold: its parameters cell declares images, seed"
    with pytest.raises(course.CourseError, match=said):
        course.run("demo", names=["10"])


def test_unit_that_ran_in_no_time(toys, tmp_path):
    toys(FIRST, least_seconds=500)
    with pytest.raises(course.CourseError, match="sooner than its work can be done"):
        course.run("demo", names=["10"])
    assert not (tmp_path / "build" / "demo" / f"{FIRST}.ipynb").exists()


def test_over_budget():
    spent = {"seconds": 61.2, "peak_mb": 901, "budget": {"seconds": 60, "megabytes": 900}}
    assert report.over_budget(spent) == ["took 61 s of 60", "took 901 MB of 900"]


FORKS = """
import os, time
ballast = bytearray(300_000_000)
for _ in range(5):
    child = os.fork()
    if child == 0:
        time.sleep(0.2)
        os._exit(0)
    os.waitpid(child, 0)
"""
WORKER = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import time; ballast = bytearray(300_000_000); time.sleep(1.5)"], check=True)
"""


@pytest.mark.parametrize("code", [FORKS, WORKER], ids=["forks", "worker"])
def test_peak_memory_counts_every_byte_once(tmp_path, code):
    """A fork shares its parent's memory and must not count twice; a working process beside the kernel must count."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)], metadata=execution.KERNEL)
    done = execution.execute(notebook, {}, tmp_path / "failed.ipynb", cell_seconds=60, environment={})
    assert 300 < done.peak_mb < 560


def test_data_are_checked_first(toys, tmp_path):
    course.read_book()["tiers"]["ham10000"] = TIER
    with pytest.raises(DataError, match="no such folder"):
        course.run("ham10000", tmp_path / "nowhere")
    assert not (tmp_path / "build").exists()


def test_interrupt_leaves_nothing_half_written(toys, tmp_path):
    """A real Ctrl-C while the second unit sleeps: the first keeps its results, no kernel lives on."""
    toys(SECOND, "import time; time.sleep(300)")
    book = json.dumps({"tiers": {"demo": TIER | {"cell_seconds": 400}}, "units": [unit(FIRST), unit(SECOND)]})
    code = (
        "import sys, json, pathlib, importlib; from dermxai_helpers import __main__, course; "
        "modules = [importlib.import_module('dermxai_helpers.course.' + name) for name in ('units', 'run', 'report')]; "
        f"stand_ins = dict(checkout=lambda: pathlib.Path({str(tmp_path)!r}), read_book=lambda: json.loads({book!r})); "
        "[vars(module).update(stand_ins) for module in modules]; "
        "sys.argv[1:] = ['run', '--jobs', '1']; __main__.app()"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", code], env=offline.environment(), cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # background jobs start deaf to it
    )
    folder = tmp_path / "build" / "demo"
    started = folder / f".{SECOND}" / course.VALUES_FILE  # the cell before the long sleep has been executed
    deadline = time.monotonic() + 120
    while not started.exists():
        assert time.monotonic() < deadline and running.poll() is None, running.communicate()[1]
        time.sleep(0.1)
    kernels = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130 and "Traceback" not in said and "keep their results" in said
    assert list(json.loads((folder / "results.json").read_text())["units"]) == [FIRST]
    assert leftovers(folder) == [] and not list(folder.glob(f"{SECOND}*"))
    psutil.wait_procs(kernels, timeout=10)
    assert kernels and not any(kernel.is_running() for kernel in kernels)


def test_an_ended_kernel_is_not_complained_about(tmp_path, monkeypatch, caplog):
    """After Ctrl-C the task that waited for the kernel may find it dead: no news to who ended it; other errors are."""
    def interrupted(*_args, **_settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("papermill.execute_notebook", interrupted)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")], metadata=execution.KERNEL)
    with pytest.raises(KeyboardInterrupt):
        execution.execute(notebook, {}, tmp_path / "failed.ipynb", cell_seconds=60, environment={})

    async def fail(error):
        raise error

    async def forget(*errors):
        for error in errors:
            asyncio.ensure_future(fail(error))
        await asyncio.sleep(0.01)

    asyncio.run(forget(DeadKernelError("Kernel died"), OSError("the disk is full")))
    gc.collect()
    assert "the disk is full" in caplog.text and "Kernel died" not in caplog.text
    logging.getLogger("asyncio").removeFilter(execution.not_a_dead_kernel)


# --- the units as course.toml has them ---


@pytest.mark.parametrize("tier", course.TIERS)
def test_course_file(tier):
    units = course.units(tier, data="somewhere" if tier == "ham10000" else None, seed=5)
    numbers = " ".join(entry.name.split("_")[0] for entry in units)
    assert numbers == "00 01 02 02b 03 03b 04 04b 05 06 06b"
    for entry in units:
        assert entry.source.is_file()
        assert entry.least_seconds > 0 and entry.cell_seconds > 0 and entry.made_with
        assert entry.parameters["seed"] == 5
        assert ("photographs" not in entry.parameters) or (entry.parameters["photographs"] == "demo") == (tier != "ham10000")
    # Two units of the demo tier go side by side: the road is to take five minutes, though its budgets add up to more.
    seconds, megabytes = {"smoke": (240, 1200), "demo": (350, 1500), "ham10000": (2400, 3000)}[tier]
    assert sum(entry.seconds for entry in units) <= seconds and max(entry.megabytes for entry in units) <= megabytes


def test_tiers_ask_for_what_they_need():
    for tier, data in (("ham10000", None), ("demo", "somewhere"), ("vast", None)):
        with pytest.raises(course.CourseError):
            course.units(tier, data)


def test_missing_source(toys, tmp_path):
    (tmp_path / "notebooks" / "src" / f"{SECOND}.py").unlink()
    with pytest.raises(course.CourseError, match="course.toml names the unit 11_second"):
        course.run("demo")


# --- what notebooks tell ---


def test_record(tmp_path, monkeypatch):
    monkeypatch.setenv("DERMXAI_RESULTS", str(tmp_path))
    beside = {"baseline": 1 / 3, "paper": 0.26, "note": "votes"}
    shown = course.record("macro_f1", np.float32(0.25), low=np.float64(0.2), high=0.3, **beside)
    course.record("count", np.int64(7))
    course.record("nothing", math.nan)
    assert repr(shown) == "macro_f1 = 0.250 (95 % interval 0.200 to 0.300) · baseline 0.333 · paper 0.260 · votes"
    values = json.loads((tmp_path / course.VALUES_FILE).read_text())["values"]
    assert values["macro_f1"] == {"value": 0.25, "low": 0.2, "high": 0.3} | beside
    assert values["count"]["value"] == 7 and values["nothing"]["value"] is None
    assert [path.name for path in tmp_path.iterdir()] == [course.VALUES_FILE]


def test_record_outside_a_run(monkeypatch, tmp_path):
    monkeypatch.delenv("DERMXAI_RESULTS", raising=False)
    monkeypatch.chdir(tmp_path)
    assert repr(course.record("count", 7)) == "count = 7"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["Accuracy", "two words", "", "1st", "a-b"])
def test_record_names(name):
    with pytest.raises(ValueError, match="cannot name a result"):
        course.record(name, 1)


def test_record_needs_both_ends():
    with pytest.raises(ValueError, match="both ends of the interval"):
        course.record("accuracy", 0.5, low=0.4)


def test_figure_is_shown_with_its_description(tmp_path, monkeypatch):
    displayed = []
    monkeypatch.setattr("IPython.display.display", lambda *data, **options: displayed.append((data[0], options)))
    monkeypatch.setenv("DERMXAI_RESULTS", str(tmp_path))
    alt = "an empty figure of two inches"
    assert course.figure("empty", (Figure((2, 2)), alt)) is None
    ((data, options),) = displayed
    assert data["text/plain"] == alt and options["metadata"] == {"image/png": {"alt": alt}}
    assert (tmp_path / "empty.png").read_bytes() == data["image/png"]
    told = json.loads((tmp_path / course.VALUES_FILE).read_text())
    assert told["figures"]["empty"] == {"file": "empty.png", "alt": alt}


def test_figure_without_description():
    with pytest.raises(ValueError, match="too short"):
        course.figure("empty", (Figure((2, 2)), "a figure"))


# --- notebooks ---


def test_derived_ids_follow_the_text(tmp_path):
    source = tmp_path / "unit.py"
    source.write_text("# %%\nx = 1\n\n# %%\nx = 1\n\n# %% tags=[\"parameters\"]\ny = 2\n")
    first, again = execution.derive(source), execution.derive(source)
    assert [cell.id for cell in first.cells] == [cell.id for cell in again.cells]
    assert len({cell.id for cell in first.cells}) == 3
    assert first.cells[2].metadata.tags == ["parameters"]
    source.write_text("# %%\nnew = 0\n\n" + source.read_text())
    assert {cell.id for cell in first.cells} < {cell.id for cell in execution.derive(source).cells}
    nbformat.validate(first)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("saved in /home/ada/dermxai/build", True),
        ("/tmp/ipykernel_12/34.py:1: UserWarning", True),
        ("C:\\Users\\ada", True),
        ("https://doi.org/tmp/10.1", False),
        ("accuracy 3/4, mel/nv/bkl, n/a", False),
    ],
)
def test_machine_paths(text, named):
    cell = nbformat.v4.new_code_cell("x", outputs=[nbformat.v4.new_output("stream", text=text)])
    assert bool(execution.machine_paths(nbformat.v4.new_notebook(cells=[cell]))) == named


def test_notebooks_for_readers(toys, tmp_path):
    """Derived, executed, with outputs; costs noted; the README's table filled."""
    marks = "<!-- units: `make notebooks` writes this table -->\n<!-- end of units -->"
    (tmp_path / "README.md").write_text(f"Before\n{marks}\nAfter")
    (written,) = notebooks.refresh(["10"])
    assert written == tmp_path / "notebooks" / f"{FIRST}.ipynb"
    found = nbformat.read(written, as_version=4)
    derived = execution.derive(tmp_path / "notebooks" / "src" / f"{FIRST}.py")
    assert [(cell.id, cell.source) for cell in found.cells] == [(cell.id, cell.source) for cell in derived.cells]
    code = [cell for cell in found.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4]
    assert code[2].outputs[0].execution_count == 3 and "images = 60" in code[2].outputs[0].data["text/plain"]
    cost = json.loads((tmp_path / "notebooks" / "measured.json").read_text())[FIRST]
    row = f"| [10 10_First](notebooks/{FIRST}.ipynb) | Why? | 12 min | {cost['seconds'] / 60:.1f} min | "
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("Before") and text.endswith("After") and row in text

    toys(FIRST, "print('/home/ada/private')")
    before = written.read_bytes()
    with pytest.raises(course.CourseError, match="shows where it ran: cell 5 prints the path"):
        notebooks.refresh(["10"])
    assert written.read_bytes() == before


# --- the report ---


def test_documents_name_known_units():
    seeds = report.seed_documents()
    known = {entry.name for entry in course.units("demo")}
    assert {row["unit"] for row in seeds["figures"] + seeds["numbers"]} <= known
    assert {row["document"] for row in seeds["figures"] + seeds["numbers"]} == set(seeds["documents"])
    assert {row["name"] for row in seeds["figures"]} == {f"figure_{name}" for name in "12345b"}


def finished_unit(folder, name, values, figures=()):
    """A unit's results as a run leaves them."""
    place = folder / "results" / name
    place.mkdir(parents=True)
    cost = {"made_with": "a <demo> model", "seconds": 3, "peak_mb": 4, "budget": {"seconds": 30, "megabytes": 40}}
    (place / course.UNIT_FILE).write_text(json.dumps(cost))
    entries = {key: {"file": f"{key}.png", "alt": f"what {key} shows"} for key in figures}
    (place / course.VALUES_FILE).write_text(json.dumps({"values": values, "figures": entries}))
    for key in figures:
        (place / f"{key}.png").write_bytes(b"\x89PNG not really")


def test_report_sets_results_beside_the_documents(tmp_path):
    blank = {"low": None, "high": None, "baseline": None, "paper": None, "note": ""}
    values = {
        "macro_f1": blank | {"value": 0.31, "low": 0.25, "high": 0.37, "baseline": 0.29},
        "own_number": blank | {"value": None, "note": "says <b>nothing</b>"},
    }
    finished_unit(tmp_path, "06_lexicon_experiment", values, ["figure_5"])
    report.write(tmp_path, "demo", 0)
    page = (tmp_path / "report.html").read_text()
    row = re.search(r"<tr>(?:(?!</tr>).)*Macro-averaged F1.*?</tr>", page, re.DOTALL).group()
    for text in ("0.260", "0.310", "0.250 to 0.370", "0.290", "a &lt;demo&gt; model"):
        assert text in row
    assert 'alt="what figure_5 shows"' in page and page.count("data:image/png;base64,") == 1
    assert "unit 06_lexicon_experiment did not record share_voting_nevus" in page
    assert "unit 01_data has not run to its end" in page
    assert "own_number" in page and "not defined" in page and "says &lt;b&gt;nothing" in page


def test_report_needs_nothing_else(tmp_path):
    finished_unit(tmp_path, "06_lexicon_experiment", {}, ["figure_5"])
    report.write(tmp_path, "smoke", 0)
    page = (tmp_path / "report.html").read_text()
    sources = re.findall(r"""(?:src|href)=["']([^"']*)""", page)
    assert sources and all(source.startswith("data:") for source in sources)
    assert not re.search(r"@import|url\(|<script", page) and "Not for clinical use" in page


def test_units_find_folders_that_the_user_named_from_elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DERMXAI_CACHE", raising=False)
    monkeypatch.setenv("TORCH_HOME", "../weights")
    variables = course.folder_variables(tmp_path / "build")
    assert variables["TORCH_HOME"] == str(tmp_path.parent / "weights")
    assert variables["DERMXAI_CACHE"] == str(tmp_path / "build/cache")
    monkeypatch.setenv("DERMXAI_CACHE", "kept")
    assert course.folder_variables(tmp_path / "build")["DERMXAI_CACHE"] == str(tmp_path / "kept")
