"""`python -m trainer.heartbeat`: whether a worker of this machine is alive, for compose files and manifests."""

from hosting.processes.usage import take_no_options
from trainer.workers.heartbeat import main

if __name__ == "__main__":
    take_no_options("trainer.heartbeat", __doc__)
    main()
