"""Takes from a running Python what only POSIX systems have, so that a test sees what a user of Windows would see.

The packages of others are loaded first: only this project is put to the test. Run it before what shall be tried, as
`python tests/without_posix.py CODE`.
"""

import importlib
import os
import signal
import sys

PACKAGES = """matplotlib.pyplot pandas sklearn.linear_model torch torchvision timm transformers peft captum
pytorch_grad_cam papermill jupytext nbclient joblib pooch requests typer typer.testing filelock psutil ipywidgets
IPython.display multiprocessing.shared_memory concurrent.futures.process tempfile subprocess""".split()
MODULES = ("resource", "fcntl", "termios", "pwd", "grp", "posix")
FROM_OS = (
    "sysconf",
    "geteuid",
    "getuid",
    "getpgid",
    "killpg",
    "setsid",
    "fork",
    "mkfifo",
    "uname",
    "getloadavg",
    "nice",
)
FROM_SIGNAL = ("SIGKILL", "SIGHUP", "SIGQUIT", "SIGALRM", "alarm", "pthread_kill", "setitimer")


def take_away():
    """Load the packages, then remove modules, functions and signals; `import fcntl` fails from now on."""
    for name in PACKAGES:
        importlib.import_module(name)
    for name in MODULES:
        sys.modules[name] = None
    for module, names in ((os, FROM_OS), (signal, FROM_SIGNAL)):
        for name in names:
            if hasattr(module, name):
                delattr(module, name)


if __name__ == "__main__":
    take_away()
    exec(sys.argv[1])
