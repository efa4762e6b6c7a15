import json

from hypothesis import given
from hypothesis import strategies as st

from nettailor_client.sse import EventParser, ServerSentEvent


def _parsed(lines: list[str]) -> list[ServerSentEvent]:
    parser = EventParser()
    return [event for line in lines for event in parser.take(line)]


def test_events_are_read_as_the_standard_says() -> None:
    lines = [
        ": a comment",
        "id: 7-0",
        "event: epoch",
        'data: {"loss":',
        "data: 0.5}",
        "",
        "event: kept out, it has no data",
        "",
        'data:{"stage":"student"}',
        "",
    ]
    assert _parsed(lines) == [
        ServerSentEvent(id="7-0", event="epoch", data='{"loss":\n0.5}'),
        ServerSentEvent(id="7-0", event="message", data='{"stage":"student"}'),
    ]


def test_an_event_cut_off_by_a_lost_connection_is_not_delivered() -> None:
    assert _parsed(["id: 1", 'data: {"stage":']) == []


@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text()), max_size=5))
def test_every_json_document_survives_the_stream(documents: list[dict[str, int | str]]) -> None:
    lines = [line for document in documents for line in (f"data: {json.dumps(document)}", "")]
    assert [json.loads(event.data) for event in _parsed(lines)] == documents
