"""What it costs to change tasks on a GPU."""

from benchmarks.engine.baselines import random_images
from benchmarks.engine.resident_switch import switched_us
from benchmarks.gpu_check.variants import Variant
from benchmarks.measuring.ratios import over_rounds
from benchmarks.measuring.rounds import seconds_each
from server.engine.engine import Part


def switches(one: Variant, side: int, rounds: int) -> dict[str, float]:
    """Of a batch of one image: milliseconds from a bundle in host memory until it is ready, and until its first answer;
    microseconds more that a task takes right after another; milliseconds of an answer."""
    engine, images = one.engine, random_images(1, side)
    folded = one.folded[0]

    def answer() -> None:
        engine.forward(images, [Part(adapter=engine.upload(folded), images=[0])])

    resident = [Part(adapter=one.ready[0], images=[0])]
    milliseconds = {
        "to_ready_ms": [1000 * seconds_each([lambda: engine.upload(folded)], 5) for _ in range(rounds)],
        "to_first_answer_ms": [1000 * seconds_each([answer], 5) for _ in range(rounds)],
        "answer_ms": [1000 * seconds_each([lambda: engine.forward(images, resident)], 20) for _ in range(rounds)],
    }
    medians = {name: over_rounds(values).median for name, values in milliseconds.items()}
    medians["switch_us"] = switched_us(engine, one.ready[:2], images, rounds).median
    return {name: round(value, 3) for name, value in medians.items()}
