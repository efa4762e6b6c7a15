"""Memory that several processes of ours map: a file without a name, handed on as a descriptor.

It is gone when the last process that holds it is, however that one went, and no limit of /dev/shm applies to it.
"""

import array
import mmap
import os
import socket
import tempfile
from collections.abc import Sequence

_DESCRIPTOR_BYTES = array.array("i").itemsize


def new_file(name: str, size_bytes: int) -> int:
    """A descriptor of a file of zeros, which takes memory only where something was written."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create(name)
    else:  # not Linux: a file on the disk, without a name
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size_bytes)
    return descriptor


def mapped(descriptor: int) -> mmap.mmap:
    """All of it, to read and to write."""
    return mmap.mmap(descriptor, os.fstat(descriptor).st_size)


def send_with_files(peer: socket.socket, data: bytes, descriptors: Sequence[int]) -> None:
    """Send a first message over a blocking unix socket, with open files."""
    socket.send_fds(peer, [data], list(descriptors))


def receive_with_files(peer: socket.socket, size: int, most: int) -> tuple[bytes, list[int]]:
    """What `send_with_files` sent; the files are the caller's to close."""
    data, descriptors, _, _ = socket.recv_fds(peer, size, most)
    return data, descriptors
