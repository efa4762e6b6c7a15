"""`python -m trainer.worker`: the name by which compose files, manifests and `nettailor up` start a worker."""

import signal

from trainer.workers.worker import main

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
