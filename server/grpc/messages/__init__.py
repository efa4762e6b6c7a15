"""Messages of the protocol, and what of the protocol's core they stand for."""
