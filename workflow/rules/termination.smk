# SIGTERM ends the workflow after the jobs that run, and what has ended waits for nothing.
import _thread
import signal
import threading


# Snakemake's handler takes the scheduler's lock. The main thread runs it, and would wait for itself
# where it holds that lock, as it does while it chooses jobs. So another thread runs the handler;
# one of the module threading would need a lock to start.
onstart:
    terminate = signal.getsignal(signal.SIGTERM)
    signal.signal(
        signal.SIGTERM, lambda *arguments: _thread.start_new_thread(terminate, arguments)
    )


def cancel_timers():
    """Stop the timers that the scheduler sets whenever it has chosen jobs, of the time in
    max-jobs-per-timespan: Python's end waits for them."""
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()


onsuccess:
    cancel_timers()


onerror:
    cancel_timers()
