import signal
from pathlib import Path

from trainer.workers.exit_reason import of_signal, of_trace, oom_kills


def test_reasons(tmp_path: Path) -> None:
    counter = tmp_path / "memory.events"
    assert oom_kills((counter,)) == 0
    counter.write_text("low 0\noom 3\noom_kill 2\n")
    assert oom_kills((tmp_path / "none", counter)) == 2
    killed = "killed by signal 9 (SIGKILL); it held 512 MiB at most"
    assert of_signal(signal.SIGKILL, peak_mib=512.3, oom_kills_meanwhile=0) == killed
    assert of_signal(signal.SIGKILL, peak_mib=512, oom_kills_meanwhile=1).startswith(f"out of memory: {killed}")
    assert of_trace("Traceback ...\n  x\nKeyError: 'a'\n") == "KeyError: 'a'"
    assert of_trace("torch.OutOfMemoryError: CUDA out of memory. Tried ...").startswith("out of memory: torch")
    assert of_trace("") == "no reason given"
