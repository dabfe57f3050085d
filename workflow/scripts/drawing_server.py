"""One process that has imported what drawing needs, and forks for every figure and table.

To start Python with pandas, matplotlib and seaborn takes longer than most drawings. So the first
script of a Snakemake starts a server, which the others find by a socket in ``.snakemake``. It runs
each script in a fork of its own: nothing is left of one drawing in the next. It ends with its
Snakemake, or when nothing was drawn for a minute. Where there can be no server, such as on another
system than Linux, a script draws in its own process.
"""

import gc
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

OWNER = "SRNET_SNAKEMAKE"  # the environment variable with the number of Snakemake's process
IDLE = 60.0  # seconds
ACCEPTED = b"+"


def hand_over() -> None:
    """Run the calling script in a fork of the server, and end as it ends.

    Where there is no server, and in the fork, return: the script goes on itself.
    """
    owner = os.environ.get(OWNER)
    if owner is None or not hasattr(os, "pidfd_open"):
        return
    path = Path(".snakemake", f"drawing-{owner}.socket")
    with suppress(OSError), socket.socket(socket.AF_UNIX) as server:
        if not path.exists():
            _start(path, owner)
        server.connect(str(path))
        socket.send_fds(server, [os.path.abspath(sys.argv[0]).encode()], [0, 1, 2])
        if server.recv(1) == ACCEPTED:
            status = server.recv(1)  # nothing from a fork that crashed
            sys.exit(status[0] if status else 1)


def _start(path: Path, owner: str) -> None:
    """Start the server on a socket that listens already: who connects waits for it."""
    # of two scripts at once, one binds; the other connects, or draws itself
    with suppress(OSError), socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(128)
        subprocess.Popen(
            [sys.executable, __file__, str(listener.fileno()), owner],
            pass_fds=[listener.fileno()],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def serve(listener: socket.socket, owner: int) -> None:
    """Answer until the owner ends or nobody asks; the socket's file is removed."""
    path = listener.getsockname()
    try:
        owner_ends = os.pidfd_open(owner)
        _import_all()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks leave no zombies
        while listener in select.select([listener, owner_ends], [], [], IDLE)[0]:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _run_script(connection)
            connection.close()
    finally:
        os.unlink(path)


def _import_all() -> None:
    from srnet.drawing.artifacts import ARTIFACTS

    drawn = {f"srnet.drawing.{artifact.module_path}" for artifact in ARTIFACTS}
    backends = {f"matplotlib.backends.backend_{name}" for name in ("agg", "pdf", "svg")}
    for module in ("snakemake.script", "drawing", "srnet.drawing.saving", *backends, *drawn):
        with suppress(Exception):  # what cannot be imported fails in the script that needs it
            import_module(module)
    gc.freeze()


def _run_script(connection: socket.socket) -> NoReturn:
    """Run a script with the standard streams of who asked, and tell its exit status."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        message, streams, *_ = socket.recv_fds(connection, 4096, 3)
        connection.sendall(ACCEPTED)
        for target, stream in enumerate(streams):
            os.dup2(stream, target)
        threading.Thread(target=_end_with, args=[connection], daemon=True).start()
        os.environ.pop(OWNER, None)  # the script is not handed over again
        runpy.run_path(message.decode(), run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
            connection.sendall(bytes([status]))
        os._exit(status)


def _end_with(connection: socket.socket) -> None:
    """End this process when who asked has ended."""
    connection.recv(1)
    os._exit(1)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
