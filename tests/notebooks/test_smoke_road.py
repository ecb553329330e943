"""Does the whole road run, twice, with the same result?

The command line executes every unit at the smoke tier, two at a time; then nbval executes the results again in fresh
kernels and compares every output. Before that, the golden cells (tag nbval-check-output) get the outputs of the
committed notebooks, so that the same comparison finds numbers that have changed since those were written.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import offline
import pytest

from dermxai_helpers import course
from dermxai_helpers.course import report

notebooks = offline.script(".ci/notebooks.py")
HERE = Path(__file__).parents[1]
UNITS = {unit.name: unit for unit in course.units("smoke")}
GOLDEN = "nbval-check-output"

pytestmark = [pytest.mark.road, pytest.mark.timeout(900)]
every_unit = pytest.mark.parametrize("name", UNITS)


@pytest.fixture(scope="module")
def ran():
    """The folder of a smoke run, and what was said about each unit that failed; one failure does not end the others."""
    folder = offline.REPOSITORY / "build" / "smoke"
    offline.python("-c", "from dermxai_helpers import data; data.prepare('demo', 100, 0)")  # both would draw it at once
    done = offline.course("run", "--tier", "smoke", "--jobs", "2", timeout=600)
    failures = {}
    if done.returncode:
        for name in UNITS:
            if not (folder / "results" / name).exists():
                failures[name] = offline.course("run", "--tier", "smoke", "--unit", name, timeout=300).stderr[-2000:]
    return folder, failures


@pytest.fixture(scope="module")
def results(ran):
    folder, _ = ran
    return json.loads((folder / "results.json").read_text())


@every_unit
def test_unit_runs(ran, results, name):
    assert name in results["units"], ran[1].get(name)
    unit = results["units"][name]
    assert unit["seconds"] >= UNITS[name].least_seconds
    assert unit["peak_mb"] <= UNITS[name].megabytes
    assert unit["values"] and unit["figures"]
    assert all(len(figure["alt"].split()) >= 6 for figure in unit["figures"].values())


def test_every_row_of_the_report_is_filled(ran, results):
    seeds = report.seed_documents()
    for kind, recorded in (("figures", "figures"), ("numbers", "values")):
        missing = [row["name"] for row in seeds[kind] if row["name"] not in results["units"][row["unit"]][recorded]]
        assert missing == []
    page = (ran[0] / "report.html").read_text()
    assert "did not record" not in page and "has not run" not in page


def test_results_file_is_whole(results):
    assert set(results["units"]) == set(UNITS)
    assert {"tier", "versions", "units", "failed", "unread"} == set(results)
    assert results["failed"] == results["unread"] == {}


def with_golden_outputs(executed, golden):
    """The executed notebook; cells tagged as golden carry the committed notebook's outputs instead of their own."""
    kept = {cell.source: cell.outputs for cell in golden.cells if GOLDEN in notebooks.tags(cell)}
    for cell in executed.cells:
        if cell.cell_type == "code":
            cell.outputs = kept.get(cell.source, cell.outputs)
    return executed


def run_nbval(folder, *options):
    """Run nbval over a folder of notebooks, without network; returns the finished process."""
    command = [sys.executable, "-m", "pytest", "-q", "-c", str(HERE / "nbval.ini"), "--rootdir", str(folder)]
    command += ["--nbval-current-env", "--nbval-cell-timeout", "240", "--nbval-kernel-startup-timeout", "120"]
    command += ["--nbval-sanitize-with", str(HERE / "nbval_sanitize.cfg"), *options, str(folder)]
    quiet = {"TQDM_DISABLE": "1"}
    return subprocess.run(command, env=offline.environment(**quiet), capture_output=True, text=True, timeout=540)


def passed(done):
    """The number of cells that nbval found right; fails with its report when one was wrong."""
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
    return int(re.search(r"(\d+) passed", done.stdout).group(1))


def test_two_kernels_agree(ran, tmp_path):
    cells = 0
    for name in UNITS:
        executed = nbformat.read(ran[0] / f"{name}.ipynb", as_version=4)
        golden = nbformat.read(offline.REPOSITORY / "notebooks" / f"{name}.ipynb", as_version=4)
        nbformat.write(with_golden_outputs(executed, golden), tmp_path / f"{name}.ipynb")
        cells += sum(cell.cell_type == "code" for cell in executed.cells)
    assert passed(run_nbval(tmp_path, "--nbval", "-n", "2", "--dist", "loadscope")) == cells


def test_golden_numbers_of_the_committed_start(tmp_path):
    """Unit 00 exactly as it is committed, at the demo tier."""
    name = "00_start_here.ipynb"
    shutil.copy(offline.REPOSITORY / "notebooks" / name, tmp_path / name)
    assert passed(run_nbval(tmp_path, "--nbval-lax")) > 20


def test_nbval_finds_a_changed_number(tmp_path):
    """The comparison can fail: golden cells are compared always, ordinary ones in strict mode."""
    golden = nbformat.v4.new_code_cell("print(41)", metadata={"tags": [GOLDEN]}, execution_count=1)
    ordinary = nbformat.v4.new_code_cell("print(41)", execution_count=2)
    for cell in (golden, ordinary):
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="42\n")]
    nbformat.write(nbformat.v4.new_notebook(cells=[golden, ordinary]), tmp_path / "wrong.ipynb")
    assert "1 failed, 1 passed" in run_nbval(tmp_path, "--nbval-lax").stdout
    assert "2 failed" in run_nbval(tmp_path, "--nbval").stdout
