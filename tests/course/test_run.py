"""Do units run with the right parameters, fail in a way that one can act on, and leave nothing behind?"""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import nbformat
import offline
import psutil
import pytest
import toys

from dermxai_helpers import course
from dermxai_helpers.course.record import VALUES_FILE
from dermxai_helpers.files import DataError

running = importlib.import_module("dermxai_helpers.course.run")  # `course.run` is the function

# stands in for `execution`: sleeps, notes when, and fails when it is told to
SLEEPER = """
import json, os, sys, threading, time
from dermxai_helpers.course.execution import end_with_parent
threading.Thread(target=end_with_parent, daemon=True).start()
source, executed, failed, parameters, _ = json.loads(sys.argv[1])
start = time.time()
if parameters["images"] == 0:
    os._exit(7)
time.sleep(parameters["images"] / 10)
open(executed, "w").close()
with open(os.path.join(os.environ["DERMXAI_RESULTS"], "when.json"), "w") as file:
    json.dump([start, time.time()], file)
print(json.dumps({"seconds": time.time() - start, "peak_mb": 1}))
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """The folder of a course of two toys."""
    for name in (toys.FIRST, toys.SECOND):
        toys.write_source(tmp_path, name)
    patched = toys.stand_in(tmp_path, toys.book())
    yield tmp_path
    toys.put_back(patched)


def leftovers(folder):
    """What should not be there: hidden and temporary files and folders."""
    return [path for path in folder.rglob(".*") if ".ipynb_checkpoints" not in path.parts]


def ended(process):
    """Also of one that only waits for somebody to read its exit code."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(true, seconds):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} seconds"
        time.sleep(0.1)


# --- whole units ---


def test_two_units_at_once_and_one_of_them_again(checkout):
    folder = course.run("demo", seed=3, jobs=2)
    assert folder == checkout / "build" / "demo"
    results = json.loads((folder / "results.json").read_text())
    assert (results["tier"], list(results["units"])) == ("demo", [toys.FIRST, toys.SECOND])
    assert re.match(r"\d+\.\d+", results["versions"]["torch"])
    first = results["units"][toys.FIRST]
    assert first["parameters"] == {"images": 60, "seed": 3}
    assert first["values"]["images"]["value"] == 60 and first["values"]["images"]["baseline"] == 7.5
    assert first["figures"]["line"]["alt"] == "a line that rises from zero to the seed"
    assert (folder / first["figures"]["line"]["file"]).read_bytes().startswith(b"\x89PNG")
    assert 80 < first["peak_mb"] < 900 and 0.1 < first["seconds"]
    assert first["budget"]["seconds"] == running.ON_ONE_CORE * toys.TIER["seconds"]
    assert first["over_budget"] == [] and leftovers(folder) == []
    executed = nbformat.read(folder / f"{toys.FIRST}.ipynb", as_version=4)
    assert any("injected-parameters" in cell.metadata.get("tags", []) for cell in executed.cells)

    course.run("demo", names=["11"], seed=2)
    units = json.loads((folder / "results.json").read_text())["units"]
    assert [units[name]["parameters"]["seed"] for name in (toys.FIRST, toys.SECOND)] == [3, 2]
    assert "Seed 2, 3." in (folder / "report.html").read_text()

    toys.write_source(checkout, toys.SECOND, "1 / 0")
    with pytest.raises(course.CourseError):
        course.run("demo", names=["11"], seed=7)
    results = json.loads((folder / "results.json").read_text())
    assert results["units"][toys.SECOND]["parameters"]["seed"] == 2, "the values of the earlier run, under its seed"
    assert re.search('ZeroDivisionError .* parameters: .*"seed": 7', results["failed"][toys.SECOND])
    page = (folder / "report.html").read_text()
    assert "Seed 2, 3." in page and "ZeroDivisionError in cell 6" in page and "are those of an earlier run" in page


def test_failing_unit_and_the_same_command_again(checkout, monkeypatch):
    toys.write_source(checkout, toys.SECOND, "1 / 0")
    said = "unit 11_second stopped: ZeroDivisionError in cell 6: division by zero"
    with pytest.raises(course.CourseError, match=said):
        course.run("demo")
    folder = checkout / "build" / "demo"
    results = json.loads((folder / "results.json").read_text())
    assert list(results["units"]) == [toys.FIRST] and "ZeroDivisionError" in results["failed"][toys.SECOND]
    assert "unit 11_second" in (folder / "report.html").read_text()
    assert (folder / f"{toys.SECOND}.failed.ipynb").exists() and not (folder / f"{toys.SECOND}.ipynb").exists()
    assert leftovers(folder) == []

    toys.write_source(checkout, toys.SECOND)
    left_by_a_killed_run = folder / f"{running.UNFINISHED}x"
    left_by_a_killed_run.mkdir()
    when = (folder / "results" / toys.FIRST).stat().st_mtime_ns
    course.run("demo")
    results = json.loads((folder / "results.json").read_text())
    assert list(results["units"]) == [toys.FIRST, toys.SECOND] and results["failed"] == {}
    assert (folder / "results" / toys.FIRST).stat().st_mtime_ns == when, "what had finished is not run again"
    assert not list(folder.glob("*failed*")) and not left_by_a_killed_run.exists()


@pytest.mark.parametrize("changed", ["nothing", "a seed", "a source", "the program", "a file of results"])
def test_what_runs_again(checkout, monkeypatch, changed):
    """After a run that was stopped, what it had finished in the same way; after one that had finished, everything."""
    ran = []
    monkeypatch.setattr(
        running, "measured", lambda order, *_: ran.append(order[0].stem) or order[1].touch() or (1.0, 80)
    )
    folder = course.run("demo", names=["10"])
    if changed == "a source":
        toys.write_source(checkout, toys.FIRST, "'another last cell'")
    elif changed == "the program":
        monkeypatch.setattr(running.report, "versions", lambda: {"torch": "99"})
    elif changed == "a file of results":
        (folder / "results" / toys.FIRST / "unit.json").write_text('{"seconds": ')
    course.run("demo", seed=1 if changed == "a seed" else 0)
    course.run("demo", seed=1 if changed == "a seed" else 0)
    both = [toys.FIRST, toys.SECOND]
    assert ran == [toys.FIRST, *([toys.SECOND] if changed == "nothing" else both), *both]


def test_one_run_a_folder(checkout, tmp_path):
    """A second one is refused; another folder is free, and so is one whose holder died."""
    code = (
        "import pathlib, sys, time; from dermxai_helpers.course.run import alone\n"
        "with alone(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    folder = checkout / "build" / "demo"
    folder.mkdir(parents=True)
    holder = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(course.CourseError, match="another run is at work in .*--out"):
            course.run("demo")
        assert list(folder.iterdir()) == []
        with running.alone(tmp_path / "another"):
            pass
    finally:
        holder.kill()
        holder.wait()
    with running.alone(folder):
        pass


def test_folder_of_results(checkout, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "execute_all", lambda *_: None)
    monkeypatch.setenv("DERMXAI_BUILD", str(tmp_path / "by variable"))
    assert course.run("demo") == tmp_path / "by variable" / "demo"
    assert course.run("demo", out=tmp_path / "by option") == tmp_path / "by option" / "demo"
    others = tmp_path / "by option" / "demo" / "notes of somebody.txt"
    others.write_text("keep")
    course.run("demo", out=tmp_path / "by option")
    assert others.exists()


def test_parameters_are_refused_before_any_work(checkout):
    with pytest.raises(DataError, match="seed is -1, but must be a whole number from 0 to 99"):
        course.run("demo", seed=-1)
    assert not (checkout / "build").exists()


def test_data_are_checked_first(checkout):
    units = importlib.import_module("dermxai_helpers.course.units")
    units.read_book()["tiers"]["ham10000"] = toys.TIER
    with pytest.raises(DataError, match="no such folder"):
        course.run("ham10000", checkout / "nowhere")
    assert not (checkout / "build").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to a process")
@pytest.mark.parametrize("by", ["SIGINT", "SIGTERM"])
def test_interrupt_leaves_nothing_half_written(tmp_path, by):
    """A real Ctrl-C while the second unit sleeps: the first keeps its results, no kernel lives on."""
    toys.write_source(tmp_path, toys.FIRST)
    toys.write_source(tmp_path, toys.SECOND, "import time; time.sleep(300)")
    code = (
        f"import sys, pathlib; sys.path.insert(0, {str(offline.REPOSITORY / 'tests')!r}); import toys; "
        f"toys.stand_in(pathlib.Path({str(tmp_path)!r}), toys.book()); import dermxai_helpers.course; "
        "import runpy; sys.argv[1:] = ['run', '--jobs', '1']; runpy.run_module('dermxai_helpers', run_name='__main__')"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", code], env=offline.environment(), cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # background jobs start deaf to it
    )  # fmt: skip
    folder = tmp_path / "build" / "demo"
    # the cell before the long sleep has been executed
    wait_until(lambda: list(folder.glob(f".*/*/{VALUES_FILE}")) and (folder / "results" / toys.FIRST).exists(), 120)
    kernels = psutil.Process(command.pid).children(recursive=True)
    command.send_signal(getattr(signal, by))
    _, said = command.communicate(timeout=60)
    assert command.returncode == 130 and "Traceback" not in said and "goes on from there" in said
    assert list(json.loads((folder / "results.json").read_text())["units"]) == [toys.FIRST]
    assert leftovers(folder) == [] and not list(folder.glob(f"{toys.SECOND}*"))
    wait_until(lambda: kernels and all(map(ended, kernels)), 10)


# --- one notebook ---


def measured(folder, code, parameters=None, cell_seconds=60, **environment):
    """Execute a notebook of one cell of parameters and one of code."""
    source = folder / "source.py"
    source.write_text(f'# %% tags=["parameters"]\nimages = 1\n\n# %%\n{code}\n')
    order = [source, folder / "executed.ipynb", folder / "failed.ipynb", parameters or {}, cell_seconds]
    return running.measured(order, os.environ | environment, os.pipe()[0])


def test_problems_of_a_notebook(tmp_path, monkeypatch):
    with pytest.raises(course.CourseError, match="[Tt]ime"):
        measured(tmp_path, "import time; time.sleep(60)", cell_seconds=1)
    monkeypatch.setattr(running, "COMMAND", [sys.executable, "-c", "import os; os._exit(7)"])
    with pytest.raises(course.CourseError, match="its process ended with 7"):
        measured(tmp_path, "1")


def test_braces_in_paths_and_equal_signs_in_defaults(tmp_path):
    """papermill fills braces in a path, and overlooks a parameter with "=" in its default."""
    folder = tmp_path / "a{b}{}"
    folder.mkdir()
    source = folder / "source.py"
    cell = 'checkpoint = "a=b"  # 1 == 1\nimages: int = 1\n'
    source.write_text(f'# %% tags=["parameters"]\n{cell}\n# %%\nassert (checkpoint, images) == ("c=d", 2)\n')
    order = [source, folder / "executed.ipynb", folder / "failed.ipynb", {"checkpoint": "c=d", "images": 2}, 60]
    running.measured(order, os.environ | {"TMPDIR": str(folder)}, os.pipe()[0])
    assert (folder / "executed.ipynb").exists()


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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps no account of ended processes, and cannot fork")
@pytest.mark.parametrize("code", [FORKS, WORKER], ids=["forks", "worker"])
def test_peak_memory_counts_every_byte_once(tmp_path, code):
    """A fork shares its parent's memory and must not count twice; a working process beside the kernel must count."""
    _, peak_mb = measured(tmp_path, code)
    assert 300 < peak_mb < 560


def test_a_killed_parent_leaves_nothing_behind(tmp_path):
    started = tmp_path / "started"
    source = tmp_path / "source.py"
    source.write_text(f"# %%\nimport time\nopen({str(started)!r}, 'w').close()\ntime.sleep(300)\n")
    order = [str(source), str(tmp_path / "executed.ipynb"), str(tmp_path / "failed.ipynb"), {}, 400]
    code = "import os; from dermxai_helpers.course.run import measured; "
    code += f"measured({order}, os.environ, os.pipe()[0])"
    parent = subprocess.Popen([sys.executable, "-c", code])
    try:
        wait_until(lambda: started.exists() or parent.poll() is not None, 60)
        left = psutil.Process(parent.pid).children(recursive=True)
        assert len(left) >= 2  # the process and its kernel
    finally:
        parent.kill()
        parent.wait()
    wait_until(lambda: all(map(ended, left)), 10)


# --- several at once ---


@pytest.fixture
def sleepers(checkout, monkeypatch):
    """A course of units that only sleep; returns a function that runs them (`images` are tenths of a second) and tells
    when each began and ended."""
    monkeypatch.setattr(running, "COMMAND", [sys.executable, "-c", SLEEPER])

    def run(jobs, **seconds):
        entries = []
        for name, (budget, sleep) in seconds.items():
            toys.write_source(checkout, name)
            entries.append(toys.entry(name, demo={"seconds": budget, "parameters": {"images": sleep}}))
        importlib.import_module("dermxai_helpers.course.units").read_book()["units"] = entries
        folder = course.run("demo", jobs=jobs)
        return {name: json.loads((folder / "results" / name / "when.json").read_text()) for name in seconds}

    return run


def test_two_at_a_time_and_the_longest_first(sleepers):
    when = sleepers(2, a=(3, 7), b=(3, 7), c=(9, 7))
    assert max(when["c"][0], when["a"][0]) < min(when["c"][1], when["a"][1]) <= when["b"][0]


def test_a_failure_ends_the_others_and_is_named(sleepers, checkout):
    started = time.monotonic()
    with pytest.raises(course.CourseError, match="unit b stopped: its process ended with 7"):
        sleepers(2, a=(9, 600), b=(3, 0))
    assert time.monotonic() - started < 30 and not psutil.Process().children()
    assert leftovers(checkout / "build") == []


@pytest.mark.parametrize(("cores", "free", "jobs"), [(2, 6e9, 2), (1, 6e9, 1), (8, 3e9, 1)])
def test_as_many_as_fit(monkeypatch, cores, free, jobs):
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Memory", (), {"available": free}))
    assert course.jobs_that_fit() == jobs and course.jobs_that_fit("photographs") == 1


def test_units_find_folders_that_the_user_named_from_elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DERMXAI_CACHE", raising=False)
    monkeypatch.setenv("TORCH_HOME", "../weights")
    variables = running.folder_variables(tmp_path / "build")
    assert variables["TORCH_HOME"] == str(tmp_path.parent / "weights")
    assert variables["DERMXAI_CACHE"] == str(tmp_path / "build/cache")
    monkeypatch.setenv("DERMXAI_CACHE", "kept")
    assert running.folder_variables(tmp_path / "build")["DERMXAI_CACHE"] == str(tmp_path / "kept")
