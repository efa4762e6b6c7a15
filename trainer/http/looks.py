"""Looks at archives, each in a process of its own, a few at a time."""

import asyncio
import json
import sys
from pathlib import Path

from hosting.errors import InsufficientStorage
from hosting.processes.memory import MemoryWatch
from trainer.errors import LookDied, LookMemoryExceeded
from trainer.http.look_process import NO_ROOM, REFUSED, Look, refusal
from trainer.service import Service

PROGRAM = "trainer.http.look_process"

_AT_A_TIME = 2  # each keeps a core busy


class Looks:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._room = asyncio.Semaphore(_AT_A_TIME)

    async def look(self, archive: Path, group_by: str | None) -> bytes:
        """An inspection as JSON. The process ends with the task that waits for it.

        Raises ArchiveInvalid, OptionsInvalid, InsufficientStorage, LookMemoryExceeded and LookDied.
        """
        asked = Look(
            archive=archive,
            limits=self._service.limits,
            group_by=group_by,
            scratch=self._service.settings.uploads_dir,
            niceness=self._service.settings.job_niceness,
        )
        async with self._room:
            status, output = await _run(asked.line(), self._service.settings.job_memory_limit_bytes)
        if status == REFUSED:
            raise refusal(json.loads(output))
        if status == NO_ROOM:
            raise InsufficientStorage("the archive could not be looked at")
        if status != 0:
            raise LookDied(status)
        return output


async def _run(line: bytes, memory_bytes: int) -> tuple[int, bytes]:
    """Exit status and output of the process. Raises LookMemoryExceeded."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", PROGRAM),
        stdin=pipe,
        stdout=pipe,
        start_new_session=True,  # so that it can yield to all others
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(line)  # and left open: its end would end the process
        with MemoryWatch(process.pid, memory_bytes) as memory:
            output = await process.stdout.read()
            status = await process.wait()
        if memory.exceeded:
            raise LookMemoryExceeded(memory_bytes)
        return status, output
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
