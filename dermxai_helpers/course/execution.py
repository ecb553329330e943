"""Executing one notebook, as a process of its own: `python -m dermxai_helpers.course.execution ARGUMENTS`."""

import json
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from dermxai_helpers.course import editions

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
QUIET = ["--IPKernelApp.log_level=CRITICAL"]  # the errors of its cells come with the notebook


def execute(source: str, executed: str, failed: str, parameters: dict[str, object], cell_seconds: int) -> dict:
    """Run a percent-format source in a kernel; returns its seconds and peak_mb, or the problem that stopped it.

    executed, failed : where to leave the notebook with its outputs; the folder of `failed` is the kernel's folder
    cell_seconds : a cell that runs longer is stopped
    """
    import jupytext
    import papermill

    notebook = jupytext.reads(editions.learner(Path(source).read_text(encoding="utf-8")), fmt="py:percent")
    notebook.metadata["kernelspec"] = KERNEL
    options = {"progress_bar": False, "coalesce_streams": True, "extra_arguments": QUIET, "cwd": Path(failed).parent}
    target = executed.replace("{", "{{").replace("}", "}}")  # papermill fills braces in this path
    start = time.perf_counter()
    try:
        papermill.execute_notebook(notebook, target, parameters, execution_timeout=cell_seconds, **options)
        return {"seconds": time.perf_counter() - start, "peak_mb": peak_megabytes()}
    except papermill.PapermillExecutionError as error:
        problem = f"{error.ename} in cell {error.cell_index + 1}: {error.evalue.strip()}"
    except Exception as error:
        said = str(error).strip() or "no reason given"
        problem = f"{type(error).__name__}: {said.splitlines()[0]}"
    with suppress(OSError):  # a full disk, for one, left nothing to keep
        os.replace(executed, failed)
    return {"problem": f"{problem} (see {failed})"}


def peak_megabytes() -> int | None:
    """The most memory (resident, 1e6 bytes) that the largest of the ended kernels and their helpers held."""
    try:
        import resource
    except ImportError:  # Windows keeps no account of processes that have ended
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    return round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e6)


def end_with_parent() -> None:
    """Wait for the end of standard input, which the parent holds open while it lives; then kill the kernel and stop."""
    import psutil

    while os.read(0, 1):  # the descriptor itself: `sys.stdin` would still be locked when Python ends
        pass
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    print(json.dumps(execute(*json.loads(sys.argv[1])), allow_nan=False))
