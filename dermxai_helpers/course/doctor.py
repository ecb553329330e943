"""What stands in the way of the course on this machine, and the remedy. Works where almost everything is broken."""

import importlib.metadata
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ONLY_FOR_RUNS = {"jupyterlab", "jupytext", "nbclient", "papermill"}  # Binder and Colab do without
MODELS = ("mobilenetv2_demo.safetensors", "vit_demo.safetensors", "captioner/model.safetensors")
ASSETS = Path(__file__).parents[1] / "assets"
CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
ASK_TORCH = "import torch, torchvision.ops; print('with torchvision; GPUs:', torch.cuda.device_count())"
TORCH_REMEDY = "free memory if it is short; else, both from one place: pip install --force-reinstall torch torchvision"
MEMORY_REMEDY = "the largest unit needs 1.5 GB: a larger machine; docker run --memory 2g; ulimit -v unlimited"


@dataclass(frozen=True)
class Finding:
    """What was looked at and found; a remedy where something is wrong, which blocks the course or only hinders it."""

    check: str
    found: str
    remedy: str = ""
    blocks: bool = True


def examine() -> list[Finding]:
    """Look at everything; takes some seconds, because torch is imported once."""
    widgets = ask("widgets", "import ipywidgets; print('can be shown')", 'pip install "ipywidgets>=7.7.1"')
    return [*packages(), ask("torch", ASK_TORCH, TORCH_REMEDY), widgets, *resources()]


def installed(name: str) -> str:
    """The installed version of a package, or "missing"."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def packages() -> list[Finding]:
    """Python and the packages: which are missing, too old or too new, and how many are as they should be."""
    try:
        from packaging.requirements import Requirement

        wanted = [Requirement(text) for text in importlib.metadata.requires("dermxai_helpers")]
    except ImportError as error:  # packaging, or the course itself, is not installed
        return [Finding("packages", f"not installed: {error.name}", "make setup, or: pip install packaging . ")]
    wanted = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = []
    for one in wanted:
        found = installed(one.name)
        if found == "missing" or not one.specifier.contains(found, prereleases=True):
            wrong.append(Finding(one.name, found, f'pip install "{one}"', one.name not in ONLY_FOR_RUNS))
    right = f"{len(wanted) - len(wrong)} of {len(wanted)} as they should be, Python {sys.version.split()[0]}"
    return [*wrong, Finding("packages", right, "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer")]


def ask(check: str, code: str, remedy: str) -> Finding:
    """Whether a Python of its own runs this code, and the last line it says."""
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    said = (asked.stdout + asked.stderr).strip().splitlines() or [f"ended with status {asked.returncode}"]
    return Finding(check, said[-1], remedy if asked.returncode else "")


def resources() -> Iterator[Finding]:
    """Memory (the smallest limit of machine, process and container), demo models, room in the cache."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), resource.getrlimit(resource.RLIMIT_AS)[0]]
    stated = [Path(path).read_text().strip() for path in CONTAINER_LIMITS if Path(path).is_file()]
    limits += [int(text) for text in stated if text.isdigit()]  # or "max"
    size = min(limit for limit in limits if limit > 0)  # -1 means no limit
    yield Finding("memory", f"{size / 1e9:.1f} GB", "" if size >= 1.5e9 else MEMORY_REMEDY)

    missing = [name for name in MODELS if not (ASSETS / name).is_file()]
    found = f"missing: {', '.join(missing)}" if missing else f"{len(MODELS)} files"
    remedy = "git checkout -- dermxai_helpers/assets, or install the course again" if missing else ""
    yield Finding("demo models", found, remedy)

    folder = Path(os.environ.get("DERMXAI_CACHE") or "~/.cache/dermxai").expanduser().absolute()
    there = next(parent for parent in [folder, *folder.parents] if parent.exists())
    free = shutil.disk_usage(there).free if os.access(there, os.W_OK) else 0
    remedy = "" if free > 1e9 else "set DERMXAI_CACHE to a folder that you may write to and that has 1 GB free"
    yield Finding("cache", f"{free / 1e9:.1f} GB to use", remedy, blocks=free < 2e8)


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
    findings = examine()
    print(table(findings))
    return int(any(finding.remedy and finding.blocks for finding in findings))
