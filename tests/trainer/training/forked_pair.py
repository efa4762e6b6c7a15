"""A module started twice as a group of two processes, as torchrun would start it, but torch is imported once for both.

`python -m tests.trainer.training.forked_pair MODULE ARGUMENTS...`
"""

import importlib
import os
import runpy
import sys

from tests.processes.ports import free_port


def main(module: str) -> int:
    """The exit status: 0 if both end well."""
    importlib.import_module(module)
    del sys.modules[module]  # what it imports stays
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    second = os.fork()
    os.environ["RANK"] = "0" if second else "1"
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return os.waitstatus_to_exitcode(os.waitpid(second, 0)[1]) if second else 0


if __name__ == "__main__":
    sys.argv.pop(0)
    sys.exit(main(sys.argv[0]))
