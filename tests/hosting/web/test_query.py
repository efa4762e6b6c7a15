"""Parameters that are given twice."""

import pytest
from fastapi import Request
from fastapi.exceptions import RequestValidationError

from hosting.web.query import check_said_once


def asked(query: str) -> Request:
    return Request({"type": "http", "query_string": query.encode(), "headers": []})


@pytest.mark.parametrize("query", ["", "a=1", "a=1&b=1", "tasks=a&tasks=b"])
def test_what_is_said_once_passes(query: str) -> None:
    check_said_once(asked(query), but="tasks")


@pytest.mark.parametrize("query", ["a=1&a=2", "a=1&a=1", "tasks=a&a=&a="])
def test_what_is_said_twice_is_named(query: str) -> None:
    with pytest.raises(RequestValidationError) as refused:
        check_said_once(asked(query), but="tasks")
    assert [fault["loc"] for fault in refused.value.errors()] == [("query", "a")]
