"""Two processes against one, at the same global batch: at night under torchrun, by day without its three imports of
torch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.trainer.training.distributed_member import train
from trainer.training.distributed import ProcessGroup

_FORKED = ("tests.trainer.training.forked_pair",)
_TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m")


@pytest.mark.parametrize("starter", [_FORKED, pytest.param(_TORCHRUN, marks=pytest.mark.nightly)], ids=lambda s: s[0])
def test_two_processes_train_what_one_does(tmp_path: Path, starter: tuple[str, ...]) -> None:
    """Batches of nine: shares of five and four rows, which weigh by their rows."""
    together, alone = tmp_path / "together", tmp_path / "alone"
    together.mkdir()
    command = [sys.executable, "-m", *starter, "tests.trainer.training.distributed_member", str(together), "9"]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    wanted = train(alone, 9).state_dict()
    states = [torch.load(together / f"{rank}.pt", weights_only=True) for rank in range(2)]
    for name, tensor in wanted.items():
        assert torch.equal(states[0][name], states[1][name]), name
        torch.testing.assert_close(states[0][name], tensor, rtol=1e-6, atol=1e-7)
    start = train(tmp_path / "other", 12).state_dict()
    assert not torch.allclose(start["proxies.5.4.conv.weight"], wanted["proxies.5.4.conv.weight"], rtol=1e-6)


def test_alone_nothing_changes() -> None:
    group = ProcessGroup.current()
    assert (group, group.leads, group.mean(0.3)) == (ProcessGroup(rank=0, size=1), True, 0.3)
    rows = torch.arange(5)
    assert torch.equal(group.share(rows), rows)
    shares = [ProcessGroup(rank=rank, size=3).share(rows).tolist() for rank in range(3)]
    assert shares == [[0, 1], [2, 3], [4]]
