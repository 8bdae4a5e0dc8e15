"""Child processes that never outlive this one."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1


class StartFailed(Exception):
    """Something that the person at the terminal can do something about, in one line."""


def tied_to_parent(death_signal: signal.Signals, *, foreground: bool = False) -> Callable[[], None]:
    """For `preexec_fn`: the child gets `death_signal` once this process is gone, however it went.

    It has a session of its own, so that Ctrl-C stays with us, unless it works in the `foreground`.
    """
    parent = os.getpid()
    libc = ctypes.CDLL(None) if sys.platform.startswith("linux") else None

    def prepare() -> None:
        if foreground:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        else:
            os.setsid()
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:  # the parent died before prctl was in force
                os._exit(1)

    return prepare


def stop(process: subprocess.Popen[bytes], *signals: tuple[signal.Signals, float]) -> None:
    """Send each signal and give it its seconds; then end what is left of the process's session."""
    for number, seconds in signals:
        if process.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def command_line(pid: int) -> str:
    """How a running process was started; empty where there is none."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    if Path("/proc/self").exists():
        return ""
    listed = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip()


def end_leftover(pid: int, *, known_by: str, death_signal: signal.Signals) -> None:
    """Stop a server that an earlier, killed run left behind; a process that merely has its number is left alone."""
    if pid <= 1 or known_by not in command_line(pid):
        return
    for number in (death_signal, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        end = time.monotonic() + 5
        while time.monotonic() < end and known_by in command_line(pid):
            time.sleep(0.02)


def port_is_free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def remembered_port(memory: Path) -> int:
    """The port of the last run where it is free, so that a client's bookmark stays good; else a new one."""
    with contextlib.suppress(OSError, ValueError):
        port = int(memory.read_text())
        if port_is_free(port):
            return port
    port = free_port()
    memory.write_text(f"{port}\n")
    return port


def tail(path: Path, characters: int = 1500) -> str:
    try:
        return path.read_text(errors="replace")[-characters:].strip()
    except OSError:
        return ""
