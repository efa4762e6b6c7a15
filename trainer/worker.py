"""`python -m trainer.worker`: the name by which compose files, manifests and `nettailor up` start a worker."""

import signal

from hosting.processes.usage import take_no_options
from trainer.workers.worker import main

if __name__ == "__main__":
    take_no_options("trainer.worker", __doc__)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
