"""What stands in the way of the course on this machine, and the remedy. Works where almost everything is broken."""

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dermxai_helpers.files import is_pointer

ONLY_FOR_RUNS = {"jupyterlab", "jupytext", "nbclient", "papermill"}  # Binder and Colab do without
MODULES = {"pillow": "PIL", "scikit-learn": "sklearn", "grad-cam": "pytorch_grad_cam"}  # others are named as packages
ASSETS = Path(__file__).parents[1] / "assets"
MODELS = {  # the SHA-256 of each demo model
    "mobilenetv2_demo.safetensors": "e69fbc364c9388776e4a6f1d1881085f371b44d75582623657bd2b0fc29bcc4b",
    "vit_demo.safetensors": "d30c79fd04caee5e51d758f4eb0648b01d2d02dc7efa728aae4817b78d90823f",
    "vit_kinds.safetensors": "bd2367b7800ca4842c80b96bd7c63f367493033e9af498384840679dfff48db6",
    "captioner/model.safetensors": "86a2196b0c16a3e580676a2d5d747ee9dc8dc47d5b52e454baaf0a8f0ee6561f",
}
CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
ASSETS_REMEDY = "git checkout -- dermxai_helpers/assets (or git lfs pull), or install the course again"
TORCH_REMEDY = "free memory if it is short; else, both from one place: pip install --force-reinstall torch torchvision"
MEMORY_REMEDY = "the largest unit needs 1.5 GB: a larger machine; docker run --memory 2g; ulimit -v unlimited"
IMPORT_ALL = """
import importlib, json, sys, traceback
for name in sys.argv[1:]:
    said = place = ""
    try:
        importlib.import_module(name)
    except BaseException as error:
        while error.__cause__:
            error = error.__cause__
        place = getattr(error, "name", None) or traceback.extract_tb(error.__traceback__)[-1].filename
        said = f"{type(error).__name__}: {error}".splitlines()[0]
    print("\\n" + json.dumps([name, said, place]), flush=True)
"""


@dataclass(frozen=True)
class Finding:
    """What was looked at and found; a remedy where something is wrong, which blocks the course or only hinders it."""

    check: str
    found: str
    remedy: str = ""
    blocks: bool = True


def examine() -> list[Finding]:
    """Look at everything; takes about ten seconds, because every package is imported once."""
    cache = room("cache", "DERMXAI_CACHE", "~/.cache/dermxai", 1e9)
    results = room("results", "DERMXAI_BUILD", ASSETS.parents[1] / "build", 1e8)
    return [*packages(), memory(), *models(), cache, results]


def installed(name: str) -> str:
    """The installed version of a package, or "missing"."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def packages() -> list[Finding]:
    """The packages that are missing, too old or too new, or fail when they are imported, and how many are as wanted."""
    try:
        from packaging.requirements import Requirement

        wanted = [Requirement(text) for text in importlib.metadata.requires("dermxai_helpers")]
    except ImportError as error:  # packaging, or the course itself, is not installed
        return [Finding("packages", f"not installed: {error.name}", "make setup, or: pip install packaging . ")]
    wanted = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = {}
    for one in wanted:
        found = installed(one.name)
        if found == "missing" or not one.specifier.contains(found, prereleases=True):
            wrong[one.name] = Finding(one.name, found, f'pip install "{one}"', one.name not in ONLY_FOR_RUNS)
    wrong = {found.check: found for found in imports([one.name for one in wanted if one.name not in wrong])} | wrong
    right = f"{len(wanted) - len(wrong)} of {len(wanted)} as they should be, Python {sys.version.split()[0]}"
    return [*wrong.values(), Finding("packages", right)]


def imports(names: list[str]) -> Iterator[Finding]:
    """The packages that fail when a Python of its own imports them; one that stops others is blamed for them."""
    modules = {MODULES.get(name, name.replace("-", "_")): name for name in names}
    asked = subprocess.run([sys.executable, "-c", IMPORT_ALL, *modules], capture_output=True, text=True)
    answers = [json.loads(line) for line in asked.stdout.splitlines() if line.startswith('["')]
    if len(answers) < len(modules):
        answers.append((list(modules)[len(answers)], f"it ends Python with status {asked.returncode}", ""))
    for module, said, place in answers:
        origin = [part for part in re.split(r"[\\/.]", place) if part in modules] or [module]
        name = modules[origin[-1]]
        remedy = TORCH_REMEDY if name in ("torch", "torchvision") else f"pip install --force-reinstall {name}"
        if said:
            yield Finding(name, f"cannot be imported: {said}", remedy, name not in ONLY_FOR_RUNS)


def memory() -> Finding:
    """The smallest limit of machine, process and container."""
    stated = [Path(path).read_text().strip() for path in CONTAINER_LIMITS if Path(path).is_file()]
    limits = [int(text) for text in stated if text.isdigit()]  # or "max"
    with suppress(ImportError, AttributeError):  # it may be what is missing; and not every system limits a process
        import psutil

        limits.append(psutil.virtual_memory().total)
        limits.append(psutil.Process().rlimit(psutil.RLIMIT_AS)[0])
    size = min((limit for limit in limits if limit > 0), default=0)  # -1 means no limit
    return Finding("memory", f"{size / 1e9:.1f} GB" if size else "not known", MEMORY_REMEDY if 0 < size < 1.5e9 else "")


def models() -> Iterator[Finding]:
    """The demo models that are missing or damaged, and how many are as published."""
    right = 0
    for name, digest in MODELS.items():
        try:
            found = hashlib.sha256((ASSETS / name).read_bytes()).hexdigest()
            state = "is only a pointer of git-lfs" if is_pointer(ASSETS / name) else "is not what was published"
        except OSError as error:
            found, state = "", f"cannot be read: {error.strerror}"
        right += found == digest
        if found != digest:
            yield Finding("models", f"{Path(name).name} {state}", ASSETS_REMEDY)
    yield Finding("models", f"{right} of {len(MODELS)} files of weights are as published")


def room(check: str, variable: str, usual: str | Path, least: float) -> Finding:
    """Whether a folder that a variable names can be written, and has the bytes free that it should have."""
    folder = Path(os.environ.get(variable) or usual).expanduser().absolute()
    there, free = next(parent for parent in [folder, *folder.parents] if parent.exists()), 0
    with suppress(OSError):
        tempfile.TemporaryFile(dir=there).close()
        free = shutil.disk_usage(there).free
    remedy = f"set {variable} to a folder that you may write to and that has {least / 1e9} GB free"
    return Finding(check, f"{free / 1e9:.1f} GB to use", remedy if free < least else "", blocks=free < least / 5)


def table(findings: list[Finding]) -> str:
    """The findings as text: the problems' remedies stand below their lines."""
    lines = []
    for finding in findings:
        verdict = "ok" if not finding.remedy else "problem" if finding.blocks else "advice"
        lines.append(f"{verdict:8} {finding.check:12}  {finding.found}")
        if finding.remedy:
            lines.append(f"{'':21}  -> {finding.remedy}")
    problems = sum(line.startswith("problem") for line in lines)
    return "\n".join([*lines, f"Problems to solve first: {problems}." if problems else "Nothing stands in the way."])


def main() -> int:
    """Print the table; returns the exit status, 1 when something blocks the course."""
    print("Importing every package and reading the models takes about ten seconds.", file=sys.stderr, flush=True)
    findings = examine()
    print(table(findings))
    return int(any(finding.remedy and finding.blocks for finding in findings))
