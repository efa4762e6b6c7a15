"""`python -m trainer.heartbeat`: whether a worker of this machine is alive, for compose files and manifests."""

from trainer.workers.heartbeat import main

if __name__ == "__main__":
    main()
