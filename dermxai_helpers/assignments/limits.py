"""What an answer may not do, in the process that is its own.

The system refuses what it can: time, memory, processes; on Linux also the network and files. Python's audit hook
refuses the rest, and names what was tried. This stops mistakes and tricks; it is no container.
"""

import os
import struct
import sys
import tempfile
import types
from contextlib import suppress

import dermxai_helpers

MEMORY, FILE, FILES = 2 * 10**9, 10**7, 64  # bytes beyond what Python holds already; bytes of one file; open files
NOBODY = 65534  # the user that owns nothing
NETWORK, USERS = 0x40000000, 0x10000000  # Linux: namespaces
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGING = {f"os.{name}" for name in "chmod chown link mkdir remove rename rmdir symlink truncate utime".split()}
REFUSED = tuple(
    "socket. subprocess. os.fork os.exec os.posix_spawn os.spawn os.system os.kill os.setxattr os.removexattr pty."
    " ctypes. gc.get_ sys.addaudithook signal.pthread_kill".split()
)


def confine(home: str, reply: int, seconds: float, private: list[str]) -> list[str]:
    """Leave this process but an empty folder and the descriptor of its reply; returns a list of what it tries.

    private : folders that it may not read
    """
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    os.closerange(3, reply)
    os.closerange(reply + 1, min(os.sysconf("SC_OPEN_MAX"), 1 << 20))
    os.chdir(home)
    os.environ.clear()
    os.environ.update(HOME=home, TMPDIR=home, PATH=os.defpath, LANG="C.UTF-8")
    tempfile.tempdir = home
    for name in [name for name in sys.modules if name.startswith(("dermxai_helpers.checks", "dermxai_helpers.assign"))]:
        del sys.modules[name]
    checks = sys.modules["dermxai_helpers.checks"] = types.ModuleType("checks")  # to be overwritten in vain
    checks.__getattr__ = lambda name: lambda *_anything, **_options: None
    dermxai_helpers.checks = checks
    bound(seconds)
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            leave_the_system(home)
    return watch(home, private)


def bound(seconds: float) -> None:
    """Bounds of time, memory, files and processes: it cannot start any, not even a thread."""
    import resource

    memory = MEMORY
    with suppress(OSError), open("/proc/self/statm") as sizes:
        memory += int(sizes.read().split()[0]) * resource.getpagesize()
    bounds = {"CPU": int(seconds) + 1, "AS": memory, "FSIZE": FILE, "NOFILE": FILES, "CORE": 0, "NPROC": 0}
    for name, most in bounds.items():
        with suppress(OSError, ValueError):  # macOS has no bound of memory
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def leave_the_system(home: str) -> None:
    """No network, no programs, no other user's files; nothing to read but Python, nothing to write but home."""
    import ctypes

    system, root = ctypes.CDLL(None), os.geteuid() == 0
    system.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    system.unshare(NETWORK if root else NETWORK | USERS)
    version = system.syscall(444, None, 0, 1)  # Landlock: 444 makes rules, 445 adds one, 446 obeys them
    if version > 0:
        every = (1 << min(12 + version, 15)) - 1
        rules = system.syscall(444, struct.pack("QQQ", every, 3, 3), 8 if version < 4 else 16 if version < 6 else 24, 0)
        packages = [path for path in sys.path if path.endswith("-packages")]
        reading = dict.fromkeys([sys.prefix, sys.base_prefix, "/usr", "/lib", "/lib64", *packages], 4 | 8)
        for name, rights in (reading | {os.devnull: 2 | 4, home: every & ~1}).items():
            with suppress(OSError):
                rule = struct.pack("=Qi", rights, os.open(name, os.O_PATH))
                system.syscall(445, rules, 1, rule, 0)
        system.syscall(446, rules, 0)
    if root:
        os.chown(home, NOBODY, NOBODY)
        os.setgroups([])
        os.setgid(NOBODY)
        system.prctl(8, int(version > 0), 0, 0, 0)  # PR_SET_KEEPCAPS
        os.setuid(NOBODY)
        system.capset(struct.pack("Ii", 0x20080522, 0), struct.pack("6I", 4, 4, 0, 0, 0, 0))  # reads a Python of root's
    system.prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG: it does not outlive the grader


def watch(home: str, private: list[str]) -> list[str]:
    """Refuse what is not an answer's business, from now on; returns the list of what is refused."""
    tried, real, home = [], os.path.realpath, os.path.realpath(home)

    def within(path: object, *folders: str) -> bool:
        return any(f"{real(os.fsdecode(path))}/".startswith(f"{folder}/") for folder in folders)

    def hook(event: str, given: tuple) -> None:
        refused = event.startswith(REFUSED)
        if event == "open" and not isinstance(given[0], int):
            writes = given[2] & WRITING
            refused = not within(given[0], home, os.devnull) if writes else within(given[0], *private)
        elif event in CHANGING:
            paths = [one for one in given if isinstance(one, str | bytes | os.PathLike)]
            folders = given[1:] if event in ("os.remove", "os.rmdir", "os.rename", "os.link") else ()  # that are open
            refused = not all(within(one, home) for one in paths) or any(one not in (-1, *paths) for one in folders)
        if refused:
            said = " ".join([event, *(os.fsdecode(one) for one in given[:1] if isinstance(one, str | bytes))])[:200]
            if event != "open" or not within(given[0], *dermxai_helpers.__path__):  # Python reads it for a traceback
                tried.append(said)
            raise PermissionError(f"an answer may not do this: {said}")

    sys.addaudithook(hook)
    return tried
