"""Names and versions of models: `task`, `task@alias` or `task@2`, and the version's number (torch-free)."""

from server.errors import RequestMalformed
from server.prediction.target import Target, parse_target

_VERSION_DIGITS = 18  # more is no version of ours


def loadable(name: str) -> Target:
    """What a name leads to, now and later; a number stands for one version only. Raises `RequestMalformed`."""
    target = target_of(name)
    if target.version is not None:
        raise RequestMalformed("model_name", f"{name!r} is one version: names are loaded, task or task@alias")
    return target


def target_of(name: str, version: str = "") -> Target:
    """Which bundle a name and a version ask for; without a version, what the alias names. Raises `RequestMalformed`."""
    target = parse_target(name)
    if not target.task or not target.alias:
        raise RequestMalformed("model_name", f"{name!r} is neither a task nor task@alias")
    if not version:
        return target
    if not (version.isascii() and version.isdecimal() and len(version) <= _VERSION_DIGITS and int(version)):
        raise RequestMalformed("model_version", f"{version!r} is none: versions are 1, 2, 3, ...")
    if "@" in name:
        raise RequestMalformed(
            "model_version", f"{name!r} names an alias, which stands for a version: give one of both"
        )
    return Target(task=target.task, version=int(version))
