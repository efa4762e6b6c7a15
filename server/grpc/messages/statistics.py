"""Statistics of versions as messages."""

from server.grpc.messages.protocol import Message
from server.open_inference.metadata import ModelStatistics
from server.statistics import Duration


def fill_statistics(message: Message, statistics: ModelStatistics) -> None:
    """Write the figures of a version into an empty `ModelStatistics`."""
    figures = statistics.figures
    message.name, message.version = statistics.name, statistics.version
    message.last_inference = figures.last_inference_ms
    message.inference_count, message.execution_count = figures.inference_count, figures.execution_count
    for name in ("success", "fail", "queue", "compute_input", "compute_infer"):
        _fill(getattr(message.inference_stats, name), getattr(figures, name))
    for size, duration in figures.batches.items():
        batch = message.batch_stats.add(batch_size=size)
        _fill(batch.compute_infer, duration)
    message.memory_usage.add(type=statistics.memory, byte_size=statistics.device_bytes)


def _fill(message: Message, duration: Duration) -> None:
    message.count, message.ns = duration.count, duration.ns
