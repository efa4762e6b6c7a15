"""What is on images."""

from nettailor_client.answers.document import Document


class Label(Document):
    """`index` is that of the class, in the order of the bundle."""

    label: str
    index: int
    probability: float


class Prediction(Document):
    """One task's answer: a list an image, best class first; and what it cost.

    `tier` is where the bundle was when the request came; `switch_ms` the time until it was ready to run, `queue_ms` the
    wait for the engine, `inference_ms` that of the whole batch in the engine.
    """

    task: str
    version: int
    digest: str
    predictions: list[list[Label]]
    tier: str
    switch_ms: float
    queue_ms: float
    inference_ms: float
    request_id: str | None = None

    @property
    def labels(self) -> list[str]:
        """The best class of each image."""
        return [classes[0].label for classes in self.predictions]


class Predictions(Document):
    """The answers of several tasks, in the order asked."""

    results: list[Prediction]
    request_id: str | None = None
