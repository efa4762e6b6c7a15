import resource
import subprocess
import sys

import pytest

_PROGRAM = """
import resource, sys
from hosting.processes.descriptors import open_files_limit, raise_open_files_limit
soft, hard = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
raise_open_files_limit()
print(open_files_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("soft", "hard"), [(64, 1000), (1000, 1000)])
def test_the_soft_limit_becomes_the_hard_one(soft: int, hard: int) -> None:
    _, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert allowed == resource.RLIM_INFINITY or allowed >= hard
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(soft), str(hard)], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == [str(hard)] * 3
