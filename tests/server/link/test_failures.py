"""Errors that come over the link are what they were."""

import json

import pytest

from hosting.web.problem import problem_of
from registry.errors import AliasUnknown, RecordCorrupt, TaskUnknown, VersionUnknown
from server.errors import BundleWithoutBackbone, DeadlineExceeded, ImageRejected, InferenceFailed, NotReady, Overloaded
from server.http.problems import ALL_PROBLEMS
from server.link.failures import EngineFault, failure_of, told


@pytest.mark.parametrize(
    "failure",
    [
        TaskUnknown("signs"),
        AliasUnknown("signs", "candidate"),
        VersionUnknown("signs", 3),
        RecordCorrupt("signs/3", "it is empty"),
        BundleWithoutBackbone("signs", 3, "it is not here"),
        Overloaded("the server", waiting=7, bound=6, retry_after_seconds=3),
        DeadlineExceeded("in the queue"),
        NotReady("draining"),
        InferenceFailed(("signs", "flowers")),
        ImageRejected(2, "no image"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_failure_is_answered_as_where_it_was_raised(failure: Exception) -> None:
    found = failure_of(json.loads(json.dumps(told(failure))))
    assert type(found) is type(failure)
    status, title = next(ALL_PROBLEMS[kind] for kind in type(failure).__mro__ if kind in ALL_PROBLEMS)
    assert problem_of(found, status, title) == problem_of(failure, status, title)
    assert getattr(found, "retry_after_seconds", None) == getattr(failure, "retry_after_seconds", None)


def test_what_is_nobody_s_business_does_not_cross() -> None:
    document = told(KeyError("a path of this machine"))
    assert "machine" not in json.dumps(document)
    assert isinstance(failure_of(document), EngineFault)


def test_no_name_makes_anything_but_an_error_of_ours() -> None:
    assert isinstance(failure_of({"error": "SystemExit", "text": "", "members": {}}), EngineFault)
