"""Whether processes live. One that has ended and waits to be collected does not: its adopter reaps it when it likes."""

import contextlib

import psutil


def is_gone(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return not process.is_running() or bool(process.status() == psutil.STATUS_ZOMBIE)
    return True


def is_running(process_id: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return not is_gone(psutil.Process(process_id))
    return False
