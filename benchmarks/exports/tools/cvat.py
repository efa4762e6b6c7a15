"""CVAT: its XML for images, and its ImageNet."""

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import quoteattr

from benchmarks.exports.documents import images
from benchmarks.exports.export import Export
from benchmarks.exports.samples import ALL, CLASSES, TRAIN, Sample, by_split, samples


def tag(name: str) -> str:
    return f'<tag label={quoteattr(name)} source="manual"></tag>'


def box(name: str) -> str:
    return f'<box label={quoteattr(name)} occluded="0" xtl="1" ytl="2" xbr="9" ybr="9" z_order="0"></box>'


def document(found: Iterable[tuple[Sample, str]], *, owner: str = "task", attributes: str = "") -> bytes:
    labels = "".join(f"<label><name>{name}</name><attributes></attributes></label>" for name in CLASSES)
    return "".join(
        (
            '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>',
            f"<meta><{owner}><id>3</id><labels>{labels}</labels></{owner}><dumped>now</dumped></meta>",
            *(
                f'<image id="{at}" name={quoteattr(each.name)} {attributes.format(split=each.split)} width="24">'
                f"{marks}</image>"
                for at, (each, marks) in enumerate(found)
            ),
            "</annotations>",
        )
    ).encode()


def tagged(found: Iterable[Sample]) -> list[tuple[Sample, str]]:
    return [(sample, tag(sample.label)) for sample in found]


def exports() -> Iterator[Export]:
    project = document(tagged(ALL), owner="project", attributes='subset="{split}"')
    pictures = images(ALL, lambda sample: f"images/{sample.split}/")
    yield Export(name="cvat/project", upload={**pictures, "annotations.xml": project}, true=ALL)
    yield Export(
        name="cvat/task", upload={**images(TRAIN), "annotations.xml": document(tagged(TRAIN))}, true=TRAIN, given=()
    )
    parts = {f"{split}.xml": document(tagged(found)) for split, found in by_split(ALL).items()}
    yield Export(name="cvat/a document a subset", upload=images(ALL) | parts, true=ALL)
    unlabelled = samples(splits=["test"])[:6]
    yield Export(
        name="cvat/imagenet",
        upload=images(TRAIN, lambda s: f"{s.label}/") | images(unlabelled, lambda _s: "no_label/"),
        true=TRAIN,
        given=(),
        left_out=[f"no_label/{each.name}" for each in unlabelled],
    )
    boxes = document([(sample, box("cat") + box("dog")) for sample in TRAIN])
    yield Export(
        name="cvat/boxes of several classes",
        upload={**images(TRAIN), "annotations.xml": boxes},
        true=TRAIN,
        refusal="show several classes",
    )
    yield Export(
        name="cvat/video",
        upload={
            **images(TRAIN, lambda _s: ""),
            "annotations.xml": b"<annotations><version>1.1</version><track id='0' label='cat'/></annotations>",
        },
        true=TRAIN,
        refusal="it is of a video .*export it as CVAT for images",
    )
