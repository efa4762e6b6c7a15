"""Time in which a process was at it."""

from hosting.processes.awake_time import AwakeTime


def test_what_the_machine_slept_does_not_count() -> None:
    present = 5.0
    awake = AwakeTime(longest_step_s=30.0, clock=lambda: present)
    present += 20
    assert awake.seconds == 20
    present += 8 * 3600
    assert awake.seconds == 20
    present += 30
    assert awake.seconds == 50
