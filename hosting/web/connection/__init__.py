"""Connections of clients: what a client may send, how long it may take, and how many connections there may be."""
