"""How does a text source become an executed notebook, and what did that cost?

A source in jupytext's percent format is derived into a notebook, its parameters are checked, papermill executes it in a
kernel of its own, and a thread watches how much memory the kernel takes.
"""

import hashlib
import logging
import os
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing nbformat takes seconds, and notebooks import this room by way of `course`
    from nbformat import NotebookNode

KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
LANGUAGE = {"language_info": {"name": "python"}}
QUIET = {"TQDM_DISABLE": "1"}  # a stored progress bar differs at every run and tells a reader nothing
QUIET_KERNEL = ["--IPKernelApp.log_level=CRITICAL"]  # the errors of its cells come with the notebook
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
SAMPLING_SECONDS = 0.1
NEWBORN_SECONDS = 0.5  # a child that has just been forked shows its parent's memory as its own


class NotebookFailed(RuntimeError):
    """A notebook that could not be executed to its end; the message says where and why."""


@dataclass(frozen=True)
class Execution:
    """An executed notebook and its cost.

    notebook : with outputs, without anything that only papermill or this machine needs
    seconds : wall time from the kernel's start to its end
    peak_mb : the largest memory (resident, in 1e6 bytes) of the kernel and its children at any time
    """

    notebook: "NotebookNode"
    seconds: float
    peak_mb: float


# --- source to notebook ---


def derive(source: Path) -> "NotebookNode":
    """The notebook of one percent-format source, without outputs. Equal texts give equal notebooks, ids included."""
    import jupytext

    notebook = cleaned(jupytext.read(source, fmt="py:percent"))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        name = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        seen[name] += 1
        cell.id = name if seen[name] == 1 else f"{name}-{seen[name]}"  # ids from the text: a new cell moves no other id
    return notebook


def declared(notebook: "NotebookNode") -> set[str]:
    """The names in the notebook's parameters cell."""
    import papermill

    return set(papermill.inspect_notebook(notebook))


def cleaned(notebook: "NotebookNode") -> "NotebookNode":
    """The notebook with its tags as only metadata: no run times, no notes of the tools; outputs stay."""
    import nbformat

    notebook.metadata = nbformat.from_dict({**KERNEL, **LANGUAGE})
    for cell in notebook.cells:
        kept = {"tags": cell.metadata.tags} if cell.metadata.get("tags") else {}
        cell.metadata = nbformat.from_dict(kept)
    return notebook


def write_notebook(path: Path, notebook: "NotebookNode") -> None:
    """Write a notebook so that it is either complete or not there."""
    import nbformat

    from dermxai_helpers.files import write_atomically

    write_atomically(path, lambda unfinished: nbformat.write(notebook, unfinished))


# --- notebook to executed notebook ---


def execute(
    notebook: "NotebookNode",
    parameters: Mapping[str, object],
    failed: Path,
    cell_seconds: int,
    environment: Mapping[str, str],
    watch: Callable[[float], None] = lambda seconds: None,
) -> Execution:
    """Run a notebook from its first cell to its last in a kernel of its own.

    parameters : values for names of its parameters cell
    failed : where a notebook that stops is left, so that one can see why; its folder is the kernel's folder
    cell_seconds : a cell that runs longer is stopped
    environment : environment variables for the kernel
    watch : called every tenth of a second or so with the seconds since the start

    Raises NotebookFailed for an undeclared parameter (papermill alone would run on with the default) and for a cell
    that raises or runs too long. When interrupted it ends the kernel and leaves no file.
    """
    import nbformat
    import papermill

    undeclared = sorted(set(parameters) - declared(notebook))
    if undeclared:
        known = ", ".join(sorted(declared(notebook)))
        raise NotebookFailed(f"no parameter named {', '.join(undeclared)}: its parameters cell declares {known}")
    failed.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, variables(environment), Meter(watch) as meter:
        unfinished = Path(folder) / "unfinished.ipynb"
        try:
            executed = papermill.execute_notebook(
                notebook,
                str(unfinished),
                parameters=dict(parameters),
                cwd=str(failed.parent),
                progress_bar=False,
                execution_timeout=cell_seconds,
                record_timing=False,
                coalesce_streams=True,
                extra_arguments=QUIET_KERNEL,
            )
        except KeyboardInterrupt:
            logging.getLogger("asyncio").addFilter(not_a_dead_kernel)
            raise
        except Exception as error:
            if unfinished.is_file():
                write_notebook(failed, cleaned(nbformat.read(unfinished, as_version=4)))
            raise NotebookFailed(f"{reason(error)} (see {failed})") from error
    return Execution(cleaned(executed), meter.seconds, meter.peak_mb)


def not_a_dead_kernel(record: logging.LogRecord) -> bool:
    """Keeps back the complaint of a task that waited, when the notebook was interrupted, for the kernel ended since."""
    from nbclient.exceptions import DeadKernelError

    return not (record.exc_info and isinstance(record.exc_info[1], DeadKernelError))


def reason(error: Exception) -> str:
    """In one line, why papermill stopped."""
    from papermill.exceptions import PapermillExecutionError

    if isinstance(error, PapermillExecutionError):
        return f"{error.ename} in cell {error.cell_index + 1}: {error.evalue.strip()}"
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"


@contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables that hold inside the block; kernels inherit them, and papermill offers no other way."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class Meter:
    """Measures, while its block runs, the wall time and the peak memory of this process's children (the kernel).

    Children that are left when the block ends, as after an interrupt, are ended.
    """

    def __init__(self, watch: Callable[[float], None]):
        self.watch, self.seconds, self.peak_mb = watch, 0.0, 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "Meter":
        import psutil

        self._process = psutil.Process()
        self._others = set(self._process.children(recursive=True))
        self._start = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._stop.set()
        self._thread.join()
        self.seconds = time.perf_counter() - self._start
        for child in self._children():
            with suppress(Exception):  # it may have ended by itself meanwhile
                child.kill()

    def _children(self) -> set:
        return set(self._process.children(recursive=True)) - self._others

    def _sample(self) -> None:
        import psutil

        while not self._stop.wait(SAMPLING_SECONDS):
            memory = 0
            for child in self._children():
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    if time.time() - child.create_time() > NEWBORN_SECONDS:
                        memory += child.memory_info().rss
            self.peak_mb = max(self.peak_mb, memory / 1e6)
            self.watch(time.perf_counter() - self._start)


# --- what must not be in a notebook that others read ---

MACHINE_PATH = re.compile(r"(?<![\w./:-])(?:/(?:home|root|tmp|usr|opt|work|Users|mnt|private|var)/|[A-Z]:\\)[\w.-]+")


def machine_paths(notebook: "NotebookNode") -> list[str]:
    """A sentence for each output that names a path of the machine it ran on."""
    found = []
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get("outputs", []):
            text = output.get("text", "") + "".join(
                value for kind, value in output.get("data", {}).items() if kind.startswith("text/")
            )
            found += [f"cell {number} prints the path {match}" for match in MACHINE_PATH.findall(text)]
    return found
