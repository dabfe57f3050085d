# SIGTERM ends the workflow after the jobs that run.
import _thread
import signal


# Snakemake's handler takes the scheduler's lock. The main thread runs it, and would wait for itself
# where it holds that lock, as it does while it chooses jobs. So another thread runs the handler;
# one of the module threading would need a lock to start.
onstart:
    terminate = signal.getsignal(signal.SIGTERM)
    signal.signal(
        signal.SIGTERM, lambda *arguments: _thread.start_new_thread(terminate, arguments)
    )
