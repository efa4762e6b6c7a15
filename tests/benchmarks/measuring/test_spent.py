from pathlib import Path

from benchmarks.measuring.spent import Spent, cpu_seconds


def burn(seconds: float) -> None:
    until = cpu_seconds() + seconds
    while cpu_seconds() < until:
        pass


def test_what_an_earlier_attempt_spent_counts(tmp_path: Path) -> None:
    first = Spent(tmp_path / "spent.json")
    burn(0.02)
    saved = first.save()
    assert saved.cpu_seconds >= 0.02
    burn(0.1)  # after the last save: lost, as in a process that is killed
    again = Spent(tmp_path / "spent.json")
    burn(0.02)
    both = again.save()
    assert 0.02 <= both.cpu_seconds - saved.cpu_seconds < 0.1
    assert both.seconds > saved.seconds
