"""The table of routes: which declared route a request is for, which scope it needs, and what it is about.

A table is a tree of path segments. A request is found by one walk along its path, so the time it takes grows with the
length of the path and with nothing else, however odd the path is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from urllib.parse import parse_qs

from hosting.access.body_limit import BodyLimit, usual_limit
from hosting.access.keys import Scope

_UNNAMED: Mapping[str, Scope] = {"GET": "read"}  # what no table names: to look needs `read`, all else `admin`
MATCH = "nettailor.route_match"  # in the ASGI scope
_VERSION_DIGITS = 18  # of a number that a log record names; more is no version of ours


@dataclass(frozen=True, kw_only=True, eq=False)
class Route:
    """One route of a service, declared once: FastAPI takes method and path from it, `hosting.access` the rest.

    The path is written as FastAPI writes it. Its parameters `{task}`, `{job}` and `{version}` say what a request is
    about; where tasks are named in the query instead, `task_parameter` is the parameter's name. `body` is None where
    the body may be as long as is usual for the method.
    """

    method: str
    path: str
    scope: Scope | None  # that a key must have; None where callers need no key
    task_parameter: str | None = None
    is_prediction: bool = False
    body: BodyLimit | None = None
    is_page: bool = False  # people open it in a browser, by a link (`hosting.access.pages.links`)
    is_linked: bool = False  # pages of a task link to it: who opened one of these by a link may read it
    guests: bool = False  # who shows no key is let in all the same, and sees less
    any_task: bool = False  # keys that are limited to tasks are let in; the handler minds their limits

    @property
    def body_limit(self) -> BodyLimit:
        return usual_limit(self.method) if self.body is None else self.body


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteMatch:
    """What a table knows of one request. The tasks and the version are read only when asked for: often nobody asks."""

    route: Route | None  # None where the table names no such method and path
    scope: Scope | None  # that a key must have; None where callers need no key
    path_parameters: Mapping[str, str]
    task_parameter: str | None  # the query parameter that names tasks at this path
    query: bytes

    @property
    def is_prediction(self) -> bool:
        return self.route is not None and self.route.is_prediction

    @property
    def tasks(self) -> tuple[str, ...]:
        """Their names without aliases. A parameter given several times counts with all its values, whichever of them
        the handler takes, and spaces around a name in a list do not count, as for the handler."""
        if "task" in self.path_parameters:
            return (_without_alias(self.path_parameters["task"]),)
        if self.task_parameter is None:
            return ()
        values = parse_qs(self.query.decode("latin-1"), keep_blank_values=True).get(self.task_parameter, ())
        return tuple(dict.fromkeys(_without_alias(name.strip()) for value in values for name in value.split(",")))

    @property
    def job(self) -> str | None:
        return self.path_parameters.get("job")

    @property
    def version(self) -> int | None:
        text = self.path_parameters.get("version", "")
        return int(text) if text.isdecimal() and len(text) <= _VERSION_DIGITS else None


@dataclass(kw_only=True, eq=False, slots=True)
class _Node:
    """A place in the tree. A segment leads on to the literal that it equals, else to the parameter, if there is one."""

    literals: "dict[str, _Node]" = field(default_factory=dict)
    parameter: "_Node | None" = None
    name: str = ""  # of the parameter that this place stands for
    takes_rest: bool = False  # a parameter of any length, slashes included
    routes: dict[str, Route] = field(default_factory=dict)  # by method, of the path that ends here
    task_parameter: str | None = None  # of one of these routes, and so of every request for this path


_NOWHERE = _Node()


class RouteTable:
    """The routes of one app, which several packages may have declared."""

    def __init__(self, *declared: Iterable[Route]) -> None:
        self.routes = tuple(chain.from_iterable(declared))
        self._root = _Node()
        for route in self.routes:
            node = _place(self._root, route.path)
            assert route.method not in node.routes, f"{route.method} {route.path} is declared twice"
            node.routes[route.method] = route
            node.task_parameter = route.task_parameter or node.task_parameter

    def find(self, method: str, path: str, query: bytes = b"") -> RouteMatch:
        """What is known of a request, also where no route is found: it is about what its path names up to there."""
        node, parameters = self._walk(path)
        looked_up = "GET" if method == "HEAD" else method
        route = node.routes.get(looked_up)
        return RouteMatch(
            route=route,
            scope=_UNNAMED.get(looked_up, "admin") if route is None else route.scope,
            path_parameters=parameters,
            task_parameter=node.task_parameter,
            query=query,
        )

    def methods_of(self, path: str) -> tuple[str, ...]:
        """Those that the table has for a path."""
        declared = self._walk(path)[0].routes
        return tuple(sorted({*declared, "HEAD"} if "GET" in declared else declared))

    def _walk(self, path: str) -> tuple[_Node, dict[str, str]]:
        """Where a path ends, and its parameters; of a path that leads nowhere, those up to where it was lost."""
        node = self._root
        parameters: dict[str, str] = {}
        segments = path.split("/")
        for index, segment in enumerate(segments):
            following = node.literals.get(segment)
            if following is None:
                following = node.parameter
                if following is None or not (segment or following.takes_rest):
                    return _NOWHERE, parameters
                if following.takes_rest:
                    parameters[following.name] = "/".join(segments[index:])
                    return following, parameters
                parameters[following.name] = segment
            node = following
        return node, parameters


def route_match(scope: Mapping[str, Any]) -> RouteMatch:
    """What was found for the request of an ASGI scope that passed `authorization.RouteLookup`."""
    match: RouteMatch = scope[MATCH]
    return match


def _place(root: _Node, path: str) -> _Node:
    """The place of a declared path, made if it is new."""
    node = root
    for segment in path.split("/"):
        assert not node.takes_rest, f"{path}: {node.name!r} takes all that follows"
        if segment.startswith("{"):
            node = _parameter(node, segment.strip("{}"))
        else:
            # FastAPI tries one route after the other, a walk takes one way: no segment may have a choice.
            assert node.parameter is None, f"{path}: {segment!r} could be a parameter's value"
            node = node.literals.setdefault(segment, _Node())
    return node


def _parameter(node: _Node, text: str) -> _Node:
    name, _, kind = text.partition(":")
    assert not node.literals, f"{{{name}}}: its value could be one of {sorted(node.literals)}"
    if node.parameter is None:
        node.parameter = _Node(name=name, takes_rest=kind == "path")
    assert node.parameter.name == name, f"the parameters {name!r} and {node.parameter.name!r} stand at one place"
    return node.parameter


def _without_alias(name: str) -> str:
    return name.partition("@")[0]
