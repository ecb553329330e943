"""Starting processes in tests: without network, in this checkout, with a time limit."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

REPOSITORY = Path(__file__).parents[1]
GUARD = Path(__file__).parent / "no_network"
NOWHERE = "http://127.0.0.1:9"  # nothing listens there; stops programs that do not use Python's sockets


def environment(**more: str) -> dict[str, str]:
    """The environment variables of this process, plus those that keep a child off the network."""
    names = ("http_proxy", "https_proxy", "all_proxy")
    proxies = {name: NOWHERE for small in names for name in (small, small.upper())}
    here = os.pathsep.join([str(GUARD), str(REPOSITORY)])  # this checkout, also where another one is installed
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PYTHONPATH": here}
    return {**os.environ, **proxies, **offline, "NO_PROXY": "127.0.0.1,localhost", "OMP_NUM_THREADS": "1", **more}


def python(*arguments: str, timeout: float = 120, cwd: Path = REPOSITORY, **more: str) -> subprocess.CompletedProcess:
    """Run Python with these arguments; `more` are environment variables."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment(**more), timeout=timeout, capture_output=True, text=True
    )


def course(*arguments: str, **options) -> subprocess.CompletedProcess:
    """Run the course's command line."""
    return python("-m", "dermxai_helpers", *arguments, **options)


def script(path: str) -> ModuleType:
    """One of the programs in .ci as a module."""
    name = Path(path).stem
    specification = importlib.util.spec_from_file_location(f"ci_{name}", REPOSITORY / path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
