"""Two units at once, each in a process of its own: a unit keeps one core busy and a half, so two cores finish sooner.

`python -m dermxai_helpers.course.side_by_side FOLDER` is one such process; it reads its unit, one line of JSON, from
standard input, which its parent holds open: when that ends, the parent is gone, and the process ends too.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO

from dermxai_helpers.course.run import run_unit
from dermxai_helpers.course.units import CourseError, Unit

COMMAND = (sys.executable, "-m", "dermxai_helpers.course.side_by_side")
LOOK_SECONDS = 0.2
GRACE_SECONDS = 20  # for a unit to end its kernel after Ctrl-C
ON_ONE_CORE = 2.5  # times its budget, which is meant for two cores and nobody beside it
BYTES_OF_A_UNIT = 2.5e9  # memory that must be free for each unit at once
THREADS = {"OMP_NUM_THREADS": "1"}  # one core for each unit


def jobs_that_fit() -> int:
    """How many drawn units this machine can run at once: 2 with two cores and 5 GB of free memory, else 1."""
    import psutil

    return 2 if (os.cpu_count() or 1) >= 2 and psutil.virtual_memory().available >= 2 * BYTES_OF_A_UNIT else 1


@dataclass
class Worker:
    """A unit under way in its own process; errors : what it writes to standard error."""

    unit: Unit
    folder: Path
    errors: IO[bytes] = field(default_factory=tempfile.TemporaryFile)

    def __post_init__(self) -> None:
        on_one_core = replace(self.unit, seconds=ON_ONE_CORE * self.unit.seconds)
        settings = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": self.errors}
        command, environment = [*COMMAND, str(self.folder)], os.environ | THREADS
        self.process = subprocess.Popen(command, env=environment, start_new_session=True, **settings)
        self.process.stdin.write(f"{json.dumps(asdict(on_one_core))}\n".encode())
        self.process.stdin.flush()  # and stays open as long as this process lives
        self.start = time.perf_counter()

    def progress(self) -> float:
        """Seconds of its budget that count as done."""
        return min(time.perf_counter() - self.start, self.unit.seconds)

    def check(self) -> None:
        """CourseError, in the unit's own words, if it has failed."""
        self.process.stdin.close()
        if self.process.returncode:
            self.errors.seek(0)
            lines = self.errors.read().decode(errors="replace").strip().splitlines()
            said = lines[-1] if lines else f"its process ended with {self.process.returncode}"
            raise CourseError(said)

    def end(self) -> None:
        """As Ctrl-C would; a process that does not heed it is killed."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()


def run(units: list[Unit], folder: Path, jobs: int, bar) -> None:
    """Execute units, `jobs` at a time; `bar` advances by their budgets of seconds.

    The longest begin, so that at the end no long one is left with a core for itself and the others idle.

    When one fails, or on Ctrl-C, the others are ended too; what has finished keeps its results.
    """
    waiting, running, done = sorted(units, key=lambda unit: -unit.seconds), [], 0.0
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(Worker(waiting.pop(0), folder))
                bar.set_description_str(" + ".join(worker.unit.name.split("_")[0] for worker in running))
            time.sleep(LOOK_SECONDS)
            for worker in [worker for worker in running if worker.process.poll() is not None]:
                running.remove(worker)
                worker.check()
                done += worker.unit.seconds
            bar.update(done + sum(worker.progress() for worker in running) - bar.n)
    finally:
        for worker in running:
            worker.end()


class _Silent:
    """A progress bar that nobody sees."""

    n = 0.0

    def set_description_str(self, text: str) -> None:
        """Nothing."""

    def update(self, step: float) -> None:
        """Nothing."""


def main(folder: Path) -> None:
    """Execute the unit that the first line of standard input describes."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background processes start deaf to it
    unit = Unit(**json.loads(sys.stdin.readline()))
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        run_unit(unit, unit.source, folder, _Silent())
    except CourseError as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit(130)


def end_with_parent() -> None:
    """Wait for the parent's end, however it comes; then end as after Ctrl-C, or, where that does not help, with force.

    A parent that is killed can end nobody, and a unit that goes on alone would write into the next run's folder.
    """
    import psutil

    while os.read(0, 1):  # the descriptor itself: `sys.stdin` would still be locked when Python ends
        pass
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # the thread that waits for the kernel
    time.sleep(GRACE_SECONDS)
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
