"""Who is at the keyboard, for the history of a service that asks for no key."""

import getpass

_MOST_CHARACTERS = 200  # that a service takes


def login_name() -> str | None:
    """None for a user without a name, as in many containers. Other letters than ASCII are written out: a header has
    none."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        return None
    plain = name.encode("ascii", "backslashreplace").decode()
    return plain[:_MOST_CHARACTERS] if plain.isprintable() else None
