"""How many files, sockets among them, a process may have open."""

import resource

_ENOUGH = 1 << 16  # some machines allow a thousand million, and there are programs that go through them all


def raise_open_files_limit() -> None:
    """Make the soft limit, which is often low for the sake of old programs, as high as the hard one allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def open_files_limit() -> int:
    """How many this process may have open now."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _ENOUGH if soft == resource.RLIM_INFINITY else soft
