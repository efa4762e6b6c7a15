"""Recordings for CPU: what is recorded runs again, on whatever its inputs hold by then."""

from collections.abc import Sequence

from torch import Tensor

from server.kernels.graph_cache import Work


class FakeRecording:
    def __init__(self, work: Work, inputs: Sequence[Tensor]) -> None:
        self._work, self._inputs = work, inputs
        self.output = work(*inputs).clone()
        self.replays = 0

    def replay(self) -> None:
        self.replays += 1
        self.output.copy_(self._work(*self._inputs))


class FakeRecorder:
    """Remembers how many rows every recording has."""

    def __init__(self) -> None:
        self.recorded: list[int] = []

    def __call__(self, work: Work, inputs: Sequence[Tensor]) -> FakeRecording:
        self.recorded.append(len(inputs[0]))
        return FakeRecording(work, inputs)


def refuse(work: Work, inputs: Sequence[Tensor]) -> FakeRecording:
    raise RuntimeError("cannot be captured")
