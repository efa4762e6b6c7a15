"""What the registry says no with."""

from collections.abc import Callable

from registry.errors import RegistryError


def refusal_of(operation: Callable[[], object]) -> type[RegistryError] | None:
    """The type of the error that an operation is refused with; None if it is done."""
    try:
        operation()
    except RegistryError as error:
        return type(error)
    return None
