"""Serving: rate, errors and duration by task; queue and batches."""

from deploy.grafana.panels import (
    INSTANCE,
    OUTCOME_COLOURS,
    STATUS_COLOURS,
    TASK,
    Colour,
    Dashboard,
    Panel,
    Query,
    quantiles,
    rate,
)

_ANSWERED = f'outcome="answered",{TASK}'
_OTHER = f'outcome!="answered",{TASK}'
_PREPROCESS = f"sum(rate(nettailor_preprocess_seconds_sum{{{INSTANCE}}}[$__rate_interval]))"
_INFERENCE = f"sum(rate(nettailor_inference_seconds_sum{{{INSTANCE}}}[$__rate_interval]))"


def _mean(histogram: str) -> Query:
    labels = f"{{{INSTANCE}}}[$__rate_interval]"
    return Query(expr=f"sum(rate({histogram}_sum{labels})) / sum(rate({histogram}_count{labels}))", legend="mean")


def _whole(histogram: str) -> tuple[Query, ...]:
    """Quantiles of a count: Prometheus draws a line through a bucket, and half an image is none."""
    return tuple(Query(expr=f"ceil({query.expr})", legend=query.legend) for query in quantiles(histogram, INSTANCE))


SERVING = Dashboard(
    uid="nettailor-serving",
    title="NetTailor: serving",
    help="Predictions: how many, how many failed, how long they took.",
    panels=(
        Panel(
            title="Requests a second",
            help="Answers by task.",
            unit="reqps",
            queries=(rate("nettailor_requests_total", TASK, "task"),),
        ),
        Panel(
            title="Answers by status",
            help="429: refused, the server has all it can do. 5xx: a fault.",
            unit="reqps",
            colours=STATUS_COLOURS,
            queries=(rate("nettailor_requests_total", TASK, "code"),),
        ),
        Panel(
            title="Request duration",
            help="From request to answer, of those that were answered.",
            unit="s",
            queries=quantiles("nettailor_request_seconds", _ANSWERED),
        ),
        Panel(
            title="Request duration by task, p99",
            help="From request to answer, of those that were answered.",
            unit="s",
            queries=quantiles("nettailor_request_seconds", _ANSWERED, "task", shares=(0.99,)),
        ),
        Panel(
            title="Duration of what was not answered, p95",
            help="Refusals should take no time; failures and clients that gave up tell how long they waited.",
            unit="s",
            colours=OUTCOME_COLOURS,
            queries=quantiles("nettailor_request_seconds", _OTHER, "outcome", shares=(0.95,)),
        ),
        Panel(
            title="Waiting for the engine",
            help="Time in the queue.",
            unit="s",
            queries=quantiles("nettailor_queue_seconds", TASK),
        ),
        Panel(
            title="Queue",
            help="Images that wait for the engine.",
            queries=(Query(expr=f"sum(nettailor_queue_depth{{{INSTANCE}}})", legend="images"),),
        ),
        Panel(
            title="Images in a batch",
            help="What one forward pass carries.",
            least=1,
            queries=(_mean("nettailor_batch_images"), *_whole("nettailor_batch_images")),
        ),
        Panel(
            title="Tasks in a batch",
            help="How many tasks share a forward pass.",
            least=1,
            queries=(_mean("nettailor_batch_tasks"), *_whole("nettailor_batch_tasks")),
        ),
        Panel(
            title="Time of a batch",
            help="In the engine.",
            unit="s",
            queries=quantiles("nettailor_inference_seconds", INSTANCE),
        ),
        Panel(
            title="Share of preprocessing",
            help="Decoding and resizing, of all the work on a prediction.",
            unit="percentunit",
            queries=(Query(expr=f"{_PREPROCESS} / ({_PREPROCESS} + {_INFERENCE})", legend="preprocessing"),),
        ),
        Panel(
            title="Refused a second",
            help="Before they ran, by reason.",
            unit="reqps",
            colours=(Colour(series="Overloaded", name="red"), Colour(series=".*", name="orange")),
            queries=(rate("nettailor_rejected_total", INSTANCE, "reason"),),
        ),
    ),
)
