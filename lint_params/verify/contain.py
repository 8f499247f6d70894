"""Holds a child to its time, memory, output and scratch folder. No boundary against malice.

What the kernel does not offer is left out and named: ``level()`` says what was reached.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

LINUX = sys.platform.startswith("linux")
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38
_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000
#: System calls of Landlock; the numbers are the same on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_READS = (1 << 0) | (1 << 2) | (1 << 3)  # execute, read a file, list a folder
_FILE_WRITES = (1 << 1) | (1 << 14)  # write to a file, truncate it
#: How many filesystem rights each version of Landlock knows.
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}

#: How many processes one run (or one import) may start.
_FORKS = 64
_fork: Callable[[], int] | None = getattr(os, "fork", None)

#: What is kept of the environment; everything else (tokens, proxies) stays outside.
_KEPT = (
    *("PATH", "LANG", "LC_ALL", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT"),
    *("VIRTUAL_ENV", "CONDA_PREFIX", "CUDA_HOME", "CUDA_VISIBLE_DEVICES"),
)


def environment(scratch: str) -> dict[str, str]:
    """A scrubbed environment whose every home and cache lies in the scratch folder."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    for name in ("HOME", "TMPDIR", "TEMP", "TMP", "XDG_CACHE_HOME", "TORCH_HOME", "HF_HOME"):
        kept[name] = scratch
    kept.update(
        TORCHINDUCTOR_CACHE_DIR=scratch,
        MPLCONFIGDIR=scratch,
        MPLBACKEND="Agg",
        HF_HUB_OFFLINE="1",
        TRANSFORMERS_OFFLINE="1",
        WANDB_MODE="disabled",
        OMP_NUM_THREADS="1",
        MKL_NUM_THREADS="1",
        PYTHONDONTWRITEBYTECODE="1",
        PYTHONHASHSEED="0",
        # What fails on the GPU fails in the line that asked for it.
        CUDA_LAUNCH_BLOCKING="1",
        # Asks the driver's library instead of starting CUDA, which would forbid to fork.
        PYTORCH_NVML_BASED_CUDA_CHECK="1",
    )
    return kept


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Grandchildren whose parent dies become ours, so that they can be ended."""
    if LINUX:
        _libc().prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    if LINUX:
        _libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def own_group(pid: int = 0) -> None:
    """A process and what it starts can then be ended in one blow (and not its parents by it)."""
    if os.name == "posix":
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)


def begin(keep: Iterable[int]) -> None:
    """What every process does first that will run linted code."""
    die_with_parent()
    own_group()
    few_forks()
    if os.name == "posix":
        close_all(keep)


def plain_fork() -> int:
    """fork, uncounted: for the verifier itself."""
    assert _fork is not None
    return _fork()


def few_forks() -> None:
    """Lets this process and its children fork a number of times in all, counted from here.

    The kernel's own limit does not hold for root, as which most containers run.
    """
    if _fork is None:
        return
    take = _tickets(_FORKS)

    def fork() -> int:
        if not take():
            raise PermissionError(errno.EPERM, "the verifier lets no more processes start")
        return plain_fork()

    os.fork = fork


def _tickets(count: int) -> Callable[[], bool]:
    """Gives out so many in all to this process and those that it forks; False: none is left.

    They lie in shared memory, which the linted code cannot close as it can a file. Two processes
    may take at once, so the kernel's semaphore counts; where there is none, two may count as one.
    """
    shared = mmap.mmap(-1, mmap.PAGESIZE)
    semaphore = ctypes.byref(ctypes.c_char.from_buffer(shared))
    libc = _libc()
    if LINUX and libc.sem_init(semaphore, 1, count) == 0:
        return lambda: bool(libc.sem_trywait(semaphore) == 0)

    def take() -> bool:
        left = count - int.from_bytes(shared[:8], "little")
        shared[:8] = (count - left + 1).to_bytes(8, "little")
        return left > 0

    return take


def confine(scratch: str, memory: int, output: int, devices: bool) -> str:
    """Confines this process and its children for good; returns the level reached."""
    reached = []
    if os.name == "posix":
        reached += _limits(memory, output, devices)
    if LINUX:
        if _no_network():
            reached.append("no network")
        if _landlock(scratch, devices):
            reached.append("writes only to scratch")
    return ", ".join(reached) or "time limit only"


def _limits(memory: int, output: int, devices: bool) -> list[str]:
    import resource

    reached = []
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (output, output))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write then fails with EFBIG
        reached.append("file size limit")
    if memory and LINUX:
        # A GPU's driver reserves more addresses than a limit on them could allow for.
        kind, column = (resource.RLIMIT_DATA, 5) if devices else (resource.RLIMIT_AS, 0)
        with contextlib.suppress(ValueError, OSError):
            limit = _pages(column) * os.sysconf("SC_PAGE_SIZE") + memory
            resource.setrlimit(kind, (limit, limit))
            reached.append("memory limit")
    return reached


def _pages(column: int) -> int:
    """Of this process: all that has an address (0), its data and stack (5)."""
    return int(Path("/proc/self/statm").read_text().split()[column])


def _no_network() -> bool:
    libc = _libc()
    ways = (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET)
    return any(libc.unshare(way) == 0 for way in ways)


def _landlock(scratch: str, devices: bool) -> bool:
    """Writing is allowed below the scratch folder (and to null and GPU devices) only.

    CUDA does not start where it cannot write the names of its threads, which are files of this
    very process: a fork has others, so whoever wants a GPU is confined after its last fork.
    """
    libc = _libc()
    version = libc.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return False
    writes = ((1 << _RIGHTS.get(version, 15)) - 1) & ~_READS
    attributes = struct.pack("Q", writes)
    ruleset = libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        allowed = [(scratch, writes), ("/dev/null", _FILE_WRITES), ("/dev/shm", writes)]
        if devices:
            own = [*Path("/dev").glob("nvidia*"), Path(f"/proc/{os.getpid()}")]
            allowed += [(str(path), _FILE_WRITES) for path in own]
        for path, rights in allowed:
            _allow(libc, ruleset, path, rights & writes)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        libc.syscall(_ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, handle), 0)
    finally:
        os.close(handle)


def children() -> list[int]:
    """The processes whose parent is this one, adopted ones included."""
    if not LINUX:
        return []
    me = os.getpid()
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                stat = Path(f"/proc/{entry}/stat").read_text()
                if int(stat.rpartition(")")[2].split()[1]) == me:
                    found.append(int(entry))
    return found


def sweep(spare: Iterable[int] = ()) -> int:
    """Ends every child but the spared, and what their deaths leave to us, until none is left."""
    spared = set(spare)
    ended = 0
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        left = [pid for pid in children() if pid not in spared]
        if not left:
            break
        for pid in left:
            kill(pid)
            ended += 1
    return ended


def kill(pid: int) -> None:
    """Ends a process, and all of the group that it leads: none of them can fork meanwhile."""
    for end in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            end(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """Ends a process that was started as the first of its session, and its group."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def silence() -> None:
    """stdin is empty, stdout and stderr go nowhere: the result has its own pipe."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    if null > 2:
        os.close(null)


def close_all(keep: Iterable[int]) -> None:
    """Inherited pipes are no business of the linted code: only these stay open."""
    kept = sorted({0, 1, 2, *keep})
    for low, high in zip(kept, [*kept[1:], 65536], strict=True):
        os.closerange(low + 1, high)
