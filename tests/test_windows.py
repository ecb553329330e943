"""Does the package load, and do its commands answer, without what only POSIX systems have?"""

import offline

WITHOUT = str(offline.REPOSITORY / "tests" / "without_posix.py")
USE_EVERYTHING = """
import pathlib, pkgutil, dermxai_helpers
names = [module.name for module in pkgutil.walk_packages(dermxai_helpers.__path__, "dermxai_helpers.")]
for name in names:
    importlib.import_module(name)
from dermxai_helpers.course import doctor, execution
print(len(names), execution.peak_megabytes(), doctor.memory().found)

sys.path.insert(0, "tests")
import toys
folder, running = pathlib.Path(sys.argv[2]), sys.modules["dermxai_helpers.course.run"]
toys.write_source(folder, toys.FIRST)
toys.stand_in(folder, toys.book(toys.entry(toys.FIRST)))
answer = "{'seconds': 1, 'peak_mb': None}"
kernel = f"import json, sys; open(json.loads(sys.argv[1])[1], 'w').close(); print(json.dumps({answer}))"
running.COMMAND = [sys.executable, "-c", kernel]
print(dermxai_helpers.course.run("demo") / "report.html")
"""


def test_everything_is_imported_and_a_unit_runs(tmp_path):
    """The memory of a unit is not measured there."""
    done = offline.python(WITHOUT, USE_EVERYTHING, str(tmp_path))
    assert done.returncode == 0, done.stderr
    (count, peak, size, unit), (report,) = map(str.split, done.stdout.splitlines())
    assert int(count) > 80 and peak == "None" and float(size) > 0.5 and unit == "GB"
    assert report == str(tmp_path / "build" / "demo" / "report.html") and (tmp_path / report).exists()


def test_the_tests_are_collected():
    """Which of them are skipped there, they know themselves."""
    rooms = ["tests/course", "tests/data", "tests/ci", "tests/test_command_line.py"]
    code = f"import pytest; sys.exit(pytest.main(['--collect-only', '-q', '-p', 'no:cacheprovider', *{rooms}]))"
    done = offline.python(WITHOUT, code)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
