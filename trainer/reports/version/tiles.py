"""The figures at the top of the page. Each tile is a sentence whose first words are printed large."""

from dataclasses import dataclass

from registry.versions.paired_bootstrap import accuracy_interval
from trainer.reports.render import fewer_or_more, percent
from trainer.reports.version.findings import Findings, Finished


@dataclass(frozen=True, kw_only=True)
class Tile:
    figure: str
    text: str


def tiles(tailoring: Finished, findings: Findings) -> list[Tile]:
    """What to know at a glance. Nothing is said of a figure that was not measured."""
    complexity = tailoring.manifest.complexity
    return [
        *_accuracy(findings),
        *_whole_network(tailoring, findings),
        _saved(complexity.net_macs_removed, "multiplications an image"),
        _saved(complexity.net_params_removed, "parameters"),
        Tile(figure=f"{len(tailoring.manifest.classes)} classes", text="are told apart"),
    ]


def _accuracy(findings: Findings) -> list[Tile]:
    images = len(findings.labels)
    if not images:
        return [Tile(figure="No images", text="were left to test it on")]
    likely = accuracy_interval(findings.right)
    low, high = percent(likely.low, images), percent(likely.high, images)
    text = f"of the {images} test images are recognised; of many more like them it would be {low} to {high}"
    return [Tile(figure=percent(float(findings.right.mean()), images), text=text)]


def _whole_network(tailoring: Finished, findings: Findings) -> list[Tile]:
    teacher = tailoring.manifest.metrics.teacher.test
    if teacher is None:
        return []
    return [Tile(figure=percent(teacher, len(findings.labels)), text="by the whole network, fine-tuned")]


def _saved(share: float, what: str) -> Tile:
    figure = fewer_or_more(share)
    return Tile(figure=figure.capitalize(), text=f"{what} {'as' if figure == 'as many' else 'than'} the backbone")
