"""Run a command and say what it cost. Small, because Linux counts the memory of what started it.

    python -I -S launch.py REPORT SECONDS COMMAND...

REPORT gets four words: exit status, CPU seconds, wall seconds, peak memory in bytes. CPU is that
of the command and of all that it started; the peak is that of the largest of these processes.
A process of the command is stopped after SECONDS of CPU, and the whole after ten times that.
"""

import os
import resource
import signal
import sys
import time


def main(report: str, seconds: str, command: "list[str]") -> None:
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
        os.execvp(command[0], command)
    for number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os.killpg(child, signal.SIGKILL))
    signal.alarm(10 * int(seconds))
    _, status, used = os.wait4(child, 0)
    wall = time.monotonic() - began
    unit = 1 if sys.platform == "darwin" else 1024
    words = os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, wall, used.ru_maxrss * unit
    with open(report, "w", encoding="utf-8") as file:
        file.write(" ".join(map(str, words)))


main(sys.argv[1], sys.argv[2], sys.argv[3:])
