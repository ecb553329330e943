"""Two units at once: the longest first, with the failing one's own words, and none left behind."""

import io
import json
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from dermxai_helpers import course
from dermxai_helpers.course import side_by_side

SLEEPER = """
import json, pathlib, sys, time
unit, folder = json.loads(sys.stdin.readline()), pathlib.Path(sys.argv[1])
start = time.time()
if unit["parameters"].get("fails"):
    sys.exit("unit " + unit["name"] + " stopped: no such thing")
time.sleep(unit["parameters"]["sleeps"])
(folder / unit["name"]).write_text(json.dumps([start, time.time(), unit["seconds"]]))
"""
CHILD = """
import os, pathlib, subprocess, sys, time
from dermxai_helpers.course import side_by_side
def run_unit(unit, source, folder, bar):
    kernel = subprocess.Popen(["sleep", "100"], start_new_session=True)
    (folder / ".unfinished").write_text(f"{os.getpid()} {kernel.pid}")
    (folder / ".unfinished").rename(folder / unit.name)
    try:
        time.sleep(100)
    finally:
        if unit.parameters["heeds"]:
            kernel.kill()
        else:
            time.sleep(100)
side_by_side.run_unit, side_by_side.GRACE_SECONDS = run_unit, 1
side_by_side.main(pathlib.Path(sys.argv[1]))
"""
PARENT = """
import json, pathlib, sys
from dermxai_helpers import course
from dermxai_helpers.course import side_by_side
side_by_side.COMMAND = (sys.executable, "-c", sys.argv[1])
units = [course.Unit(**unit) for unit in json.loads(sys.argv[2])]
side_by_side.run(units, pathlib.Path(sys.argv[3]), 2, side_by_side._Silent())
"""
UNIT = course.Unit("00_a", "A", "Why?", {"sleeps": 1.0}, 3.0, 100, 60, 0.0, "nothing")


class Bar:
    n = 0.0

    def set_description_str(self, text):
        self.text = text

    def update(self, step):
        self.n += step


@pytest.fixture
def sleepers(monkeypatch):
    monkeypatch.setattr(side_by_side, "COMMAND", (sys.executable, "-c", SLEEPER))


def named(*names, **parameters):
    return [replace(UNIT, name=name, parameters={"sleeps": 1.0} | parameters) for name in names]


def test_two_at_a_time_and_equals_in_their_order(sleepers, tmp_path):
    bar = Bar()
    side_by_side.run(named("00_a", "01_b", "02_c"), tmp_path, 2, bar)
    told = [json.loads((tmp_path / name).read_text()) for name in ("00_a", "01_b", "02_c")]
    (a, a_end, budget), (b, _, _), (c, _, _) = told
    assert abs(a - b) < 0.9 and c >= a_end
    assert budget == side_by_side.ON_ONE_CORE * UNIT.seconds
    assert bar.n == pytest.approx(3 * UNIT.seconds)


def test_the_longest_begin(sleepers, tmp_path):
    short, other, long = named("00_a", "01_b", "02_c")
    side_by_side.run([short, other, replace(long, seconds=9.0)], tmp_path, 2, Bar())
    begun = {name: json.loads((tmp_path / name).read_text())[0] for name in ("00_a", "01_b", "02_c")}
    assert max(begun["02_c"], begun["00_a"]) < begun["01_b"]


def test_a_failure_is_told_in_its_own_words_and_ends_the_others(sleepers, tmp_path):
    units = named("00_a", sleeps=60) + named("01_b", fails=True)
    started = time.monotonic()
    with pytest.raises(course.CourseError, match="unit 01_b stopped: no such thing"):
        side_by_side.run(units, tmp_path, 2, Bar())
    assert time.monotonic() - started < 30
    assert not [child for child in psutil.Process().children() if "sleeps" in " ".join(child.cmdline())]
    assert not list(tmp_path.iterdir())


def test_ctrl_c_ends_what_is_under_way(sleepers, tmp_path):
    class Interrupted(Bar):
        def update(self, step):
            if self.n > 0.5:
                raise KeyboardInterrupt
            super().update(step)

    with pytest.raises(KeyboardInterrupt):
        side_by_side.run(named("00_a", "01_b", sleeps=60), tmp_path, 2, Interrupted())
    assert not [child for child in psutil.Process().children() if "sleeps" in " ".join(child.cmdline())]


@pytest.mark.parametrize("heeds", [True, False])
def test_a_killed_parent_leaves_nothing_behind(tmp_path, heeds):
    units = [unit.__dict__ for unit in named(*(unit.name for unit in course.units()[:2]), heeds=heeds)]
    parent = subprocess.Popen([sys.executable, "-c", PARENT, CHILD, json.dumps(units), str(tmp_path)])
    files = [tmp_path / unit["name"] for unit in units]
    try:
        wait_until(lambda: all(file.exists() for file in files) or parent.poll() is not None, 60)
        left = [psutil.Process(int(number)) for file in files for number in file.read_text().split()]
        assert all(process.is_running() for process in left) and len(left) == 4
    finally:
        parent.kill()
        parent.wait()
    wait_until(lambda: all(map(ended, left)), 10)


def wait_until(true, seconds):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} seconds"
        time.sleep(0.1)


def ended(process):
    """Also of one that only waits for somebody to read its exit code."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_process_that_ends_by_itself_waits_for_nobody(tmp_path):
    """Its thread still listens for the parent's end when Python wants to stop."""
    child = CHILD.replace("side_by_side.run_unit,", "side_by_side.run_unit = lambda *_: None\n_,")
    command = [sys.executable, "-c", child, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(f"{json.dumps(course.units()[0].__dict__)}\n".encode())
        process.stdin.flush()
        assert process.wait(60) == 0 and process.stderr.read() == b""


def test_a_process_without_words_is_named_by_its_code(tmp_path, monkeypatch):
    monkeypatch.setattr(side_by_side, "COMMAND", (sys.executable, "-c", "import os; os._exit(7)"))
    with pytest.raises(course.CourseError, match="its process ended with 7"):
        side_by_side.run(named("00_a"), tmp_path, 2, Bar())


def test_the_process_runs_its_unit_and_tells_a_failure(tmp_path, monkeypatch):
    ran = []

    def run_unit(unit, source, folder, bar):
        ran.append((unit, source, folder))
        raise course.CourseError("unit 00_start_here stopped: because")

    unit = replace(course.units()[0], parameters={"seed": 3})
    monkeypatch.setattr(side_by_side, "run_unit", run_unit)
    monkeypatch.setattr(side_by_side, "end_with_parent", lambda: None)
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(unit.__dict__)))
    with pytest.raises(SystemExit, match="because"):
        side_by_side.main(tmp_path)
    assert ran == [(unit, unit.source, tmp_path)]


@pytest.mark.parametrize(("cores", "free", "jobs"), [(2, 6e9, 2), (1, 6e9, 1), (8, 3e9, 1)])
def test_as_many_as_fit(monkeypatch, cores, free, jobs):
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Memory", (), {"available": free}))
    assert side_by_side.jobs_that_fit() == jobs
