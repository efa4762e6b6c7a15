"""`python -m trainer.heartbeat`: the name by which compose files and manifests ask whether a worker is heard of."""

from trainer.workers.heartbeat import main

if __name__ == "__main__":
    main()
