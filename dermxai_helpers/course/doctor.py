"""Will the course run here, and if not, what has to be done?

The doctor must work where other things are broken, so this room imports nothing but the standard library. What can
only be learnt by importing torch is asked in a process of its own.
"""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OLDEST_PYTHON = (3, 11)
NEEDED_BYTES = 1.5e9  # the largest unit of the demo stays below this
ONLY_FOR_RUNS = {"jupyterlab", "jupytext", "nbclient", "papermill"}  # Binder and Colab do without
ASSETS = ("mobilenetv2_demo.safetensors", "vit_demo.safetensors", "captioner/model.safetensors")
PACKAGE = Path(__file__).parents[1]
REINSTALL = "in a checkout: remove .venv and run `make setup`"

OUT_OF_MEMORY = ("failed to map segment", "Cannot allocate memory", "MemoryError")  # what a loader says then

ASK_TORCH = """
import json, torch, torchvision
from torchvision.ops import nms
print(json.dumps({"gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else ""}))
"""


@dataclass(frozen=True)
class Finding:
    """One thing the doctor looked at.

    check : what was looked at
    found : what is there, in words
    remedy : what to do about it, "" when nothing is wrong
    blocks : True when the course cannot run before the remedy is taken
    """

    check: str
    found: str
    remedy: str = ""
    blocks: bool = False

    @property
    def verdict(self) -> str:
        """One word: ok, advice or problem."""
        if not self.remedy:
            return "ok"
        return "problem" if self.blocks else "advice"


def examine() -> list[Finding]:
    """Look at everything; takes some seconds, because torch is imported once."""
    return [python(), *packages(), torch_pair(), memory(), threads(), widgets(), models(), cache()]


def python() -> Finding:
    """Is the Python new enough?"""
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info >= OLDEST_PYTHON:
        return Finding("Python", found)
    wanted = ".".join(str(part) for part in OLDEST_PYTHON)
    return Finding("Python", found, f"install Python {wanted} or newer and make a new environment with it", blocks=True)


def packages() -> Iterator[Finding]:
    """Which of the packages that the course names are missing, too old or too new?"""
    try:
        requirements = importlib.metadata.requires("dermxai_helpers") or []
    except importlib.metadata.PackageNotFoundError:
        remedy = "pip install --no-deps -e . in the checkout"
        yield Finding("packages", "the course itself is not installed", remedy, blocks=True)
        return
    wanted = [requirement for requirement in requirements if "extra ==" not in requirement]
    wrong = [finding for requirement in wanted if (finding := package(requirement))]
    yield from wrong
    yield Finding("packages", f"{len(wanted) - len(wrong)} of {len(wanted)} as they should be")


def package(requirement: str) -> Finding | None:
    """What is wrong with one required package, or None.

    requirement : as in the metadata of an installed package, e.g. "transformers<6,>=5.15"
    """
    name = re.match(r"[A-Za-z0-9._-]+", requirement).group()
    bounds = re.findall(r"(>=|<)\s*([0-9][0-9.]*)", requirement)
    blocks = name not in ONLY_FOR_RUNS
    purpose = "" if blocks else " (only `run` and `notebooks` need it)"
    remedy = f'pip install "{requirement}"{purpose}'
    try:
        found = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", remedy, blocks)
    kept = all((numbers(found) >= numbers(bound)) == (sign == ">=") for sign, bound in bounds)
    return None if kept else Finding(name, f"{found}, wanted {requirement.removeprefix(name)}", remedy, blocks)


def numbers(version: str) -> tuple[int, ...]:
    """The release numbers of a version without trailing zeros: "2.15.0+cpu" gives (2, 15)."""
    parts = [int(part) for part in re.match(r"[0-9.]*", version).group().strip(".").split(".") if part]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def torch_pair() -> Finding:
    """Do torch and torchvision belong together, and do they see a GPU?"""
    pair = " with ".join(f"{name} {installed(name)}" for name in ("torch", "torchvision"))
    asked = subprocess.run([sys.executable, "-c", ASK_TORCH], capture_output=True, text=True)
    if asked.returncode == 0:
        gpu = json.loads(asked.stdout.splitlines()[-1])["gpu"]
        return Finding("torch", f"{pair}, " + (f"GPU {gpu}" if gpu else "no GPU: the CPU is enough"))
    said = (asked.stderr.strip() or f"ended with status {asked.returncode}").splitlines()[-1]
    if any(sign in asked.stderr for sign in OUT_OF_MEMORY):
        remedy = "free memory first: see the line about it"
        return Finding("torch", f"{pair} cannot be loaded ({said})", remedy, blocks=True)
    if "torchvision::" in asked.stderr or "libtorch" in asked.stderr or "undefined symbol" in asked.stderr:
        return Finding("torch", f"{pair} do not belong together ({said})", pair_remedy(), blocks=True)
    if "No module named 'torch" in said:
        return Finding("torch", said, f"pip install torch torchvision; {REINSTALL}", blocks=True)
    remedy = f"free memory if that is short, otherwise install torch and torchvision anew and together; {REINSTALL}"
    return Finding("torch", f"{pair}: {said}", remedy, blocks=True)


def installed(name: str) -> str:
    """The installed version of a package, or "missing"."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def pair_remedy() -> str:
    """How to get a torch and a torchvision of the same make."""
    try:
        asks = [text for text in importlib.metadata.requires("torchvision") or [] if re.match(r"torch\b", text)]
    except importlib.metadata.PackageNotFoundError:
        asks = []
    wish = f" (this torchvision asks for {asks[0]})" if asks else ""
    return (
        f"install both at once and from the same place{wish}: pip install --force-reinstall torch torchvision; "
        f"a CPU build of one and a CUDA build of the other do not fit either; {REINSTALL}"
    )


def memory() -> Finding:
    """Is there memory for the largest unit? The smallest limit counts: machine, container or process."""
    limits = {"machine": machine_memory(), "container": container_memory(), "process": process_memory()}
    known = {owner: size for owner, size in limits.items() if size}
    if not known:
        return Finding("memory", "unknown", f"make sure that {NEEDED_BYTES / 1e9:.1f} GB are free")
    owner = min(known, key=known.get)
    found = f"{known[owner] / 1e9:.1f} GB ({owner})"
    if known[owner] >= NEEDED_BYTES:
        return Finding("memory", found)
    ways = {
        "machine": "use a machine with 2 GB or more, such as Binder or Colab",
        "container": "give the container 2 GB or more (docker run --memory 2g)",
        "process": "raise the limit of this shell (ulimit -v unlimited)",
    }
    return Finding("memory", found, f"the largest unit needs {NEEDED_BYTES / 1e9:.1f} GB: {ways[owner]}", blocks=True)


def machine_memory() -> float | None:
    """Bytes of memory of the machine; None where the system does not say."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return None


def container_memory(
    control_groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> float | None:
    """Bytes that the control groups around this process allow (Linux, versions 1 and 2); None without a limit.

    control_groups : where the control groups are mounted
    own : the file that names the groups of this process
    """
    if not own.exists():
        return None
    limits = []
    for entry in own.read_text().splitlines():
        _, controllers, path = entry.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        base = control_groups / controllers if controllers else control_groups
        group = base / path.strip("/")
        for folder in [group, *group.parents]:
            if not folder.is_relative_to(base):
                break
            limits += [read_limit(folder / name) for name in ("memory.max", "memory.limit_in_bytes")]
    stated = [limit for limit in limits if limit is not None and limit < 1e15]  # version 1 writes about 9e18 for none
    return min(stated, default=None)


def read_limit(path: Path) -> float | None:
    """The number in a control group's file; None when the file is absent or says "max"."""
    try:
        return float(path.read_text())
    except (OSError, ValueError):
        return None


def process_memory() -> float | None:
    """Bytes of address space that this process may use; None without a limit."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else float(soft)


def threads() -> Finding:
    """Do more threads run than there are cores?"""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wish = os.environ.get("OMP_NUM_THREADS", "")
    found = f"{cores} cores, OMP_NUM_THREADS {wish or 'not set'}"
    if wish.isdigit() and int(wish) > cores:
        return Finding("threads", found, f"set OMP_NUM_THREADS={cores}: more threads than cores slow everything down")
    return Finding("threads", found)


def widgets() -> Finding:
    """Can the notebooks show sliders?"""
    asked = subprocess.run([sys.executable, "-c", "import ipywidgets"], capture_output=True, text=True)
    if asked.returncode == 0:
        return Finding("widgets", f"ipywidgets {installed('ipywidgets')}")
    said = (asked.stderr.strip() or "no reason given").splitlines()[-1]
    return Finding("widgets", said, 'pip install "ipywidgets>=7.7.1", then restart JupyterLab', blocks=True)


def models() -> Finding:
    """Are the small demo models there?"""
    missing = [name for name in ASSETS if not (PACKAGE / "assets" / name).is_file()]
    if missing:
        remedy = f"git checkout -- dermxai_helpers/assets, or install the course again; {REINSTALL}"
        return Finding("demo models", f"missing: {', '.join(missing)}", remedy, blocks=True)
    size = sum((PACKAGE / "assets" / name).stat().st_size for name in ASSETS)
    return Finding("demo models", f"{len(ASSETS)} files, {size / 1e6:.1f} MB")


def cache() -> Finding:
    """Is there room for drawn lesions and cached features?"""
    folder = Path(os.environ.get("DERMXAI_CACHE") or Path.home() / ".cache" / "dermxai").absolute()
    there = next(parent for parent in [folder, *folder.parents] if parent.exists())
    free = shutil.disk_usage(there).free
    found = f"{free / 1e9:.1f} GB free"
    remedy = "set the environment variable DERMXAI_CACHE to a folder that you may write to and that has 1 GB free"
    if not os.access(there, os.W_OK):
        return Finding("cache", f"{there} is not writable", remedy, blocks=True)
    return Finding("cache", found, "" if free > 1e9 else remedy, blocks=free < 2e8)


def table(findings: list[Finding]) -> str:
    """The findings as text: the problems' remedies stand below their lines."""
    width = max(len(finding.check) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.verdict:8} {finding.check:{width}}  {finding.found}")
        if finding.remedy:
            lines.append(f"{'':8} {'':{width}}  -> {finding.remedy}")
    problems = sum(finding.blocks for finding in findings)
    lines.append("Nothing stands in the way." if not problems else f"Problems to solve first: {problems}.")
    return "\n".join(lines)


def main() -> int:
    """Print the table; returns the exit status, 1 when something blocks the course."""
    findings = examine()
    print(table(findings))
    return int(any(finding.blocks for finding in findings))
