import pytest

from hosting.web.entity_tags import unchanged

OWN = {"ETag": '"sha256:abc"', "X-Task-Version": "3"}
WEAK = {"ETag": 'W/"sha256:abc-onnx-fp32"'}


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        (OWN, ['"sha256:abc"']),
        (OWN, ['W/"sha256:abc"']),  # as proxies make it that compress
        (OWN, ['"other", "sha256:abc"']),
        (OWN, ['"other"', '"sha256:abc"']),  # two lines of the header
        (OWN, [" * "]),
        (WEAK, ['W/"sha256:abc-onnx-fp32"']),
        (WEAK, ['"a,b","sha256:abc-onnx-fp32"']),
    ],
)
def test_who_knows_the_tag_is_told_so(headers: dict[str, str], known: list[str]) -> None:
    answer = unchanged(headers, known)
    assert answer is not None
    assert (answer.status_code, answer.body) == (304, b"")
    assert {name: answer.headers[name] for name in headers} == headers


@pytest.mark.parametrize(
    "known", [None, [], [""], ["sha256:abc"], ['"sha256:ab"'], ['"sha256:abcd"'], ['"*"'], ['"sha256:ABC"'], ['W/"']]
)
def test_who_does_not_is_answered(known: list[str] | None) -> None:
    assert unchanged(OWN, known) is None
