"""A front: what handlers of predictions need of a server, without an engine (torch-free)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from server.link.front_end import FrontEnd
from server.link.remote_inference import RemoteInference
from server.link.reports import Reports
from server.prediction.answering import Answering
from server.prediction.images import DecodeLimits, ImageReader
from server.prediction.predictor import Predictor
from server.settings import ServerSettings


@dataclass(frozen=True, kw_only=True)
class FrontParts:
    predictor: Predictor
    decodes: ThreadPoolExecutor


class Front(Answering):
    """`settings` are its share."""

    def __init__(self, settings: ServerSettings, front_end: FrontEnd, reports: Reports) -> None:
        super().__init__()
        self.settings = settings
        self.metrics = reports
        self._front_end = front_end
        decodes = ThreadPoolExecutor(settings.decode_threads, "decode")
        reader = ImageReader(decodes, reports, DecodeLimits.of(settings))
        predictor = Predictor(inference=RemoteInference(front_end), reader=reader)
        self._parts = FrontParts(predictor=predictor, decodes=decodes)

    @property
    def parts(self) -> FrontParts:
        """Raises `NotReady` while there is no engine."""
        _ = self._front_end.connection
        return self._parts

    def close(self) -> None:
        self._parts.decodes.shutdown(cancel_futures=True)
