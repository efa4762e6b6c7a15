"""All exports."""

from collections.abc import Callable, Iterator, Sequence

from benchmarks.exports.export import Export
from benchmarks.exports.layouts import (
    arrays,
    contradictions,
    folder_oddities,
    folders,
    hugging_face,
    kaggle,
    known_folders,
    known_tables,
    names,
    tables,
    teachable_machine,
    web_dataset,
)
from benchmarks.exports.tools import (
    azure,
    boxes,
    coco,
    cvat,
    datumaro,
    edge_impulse,
    fiftyone,
    ground_truth,
    label_studio,
    roboflow,
    vertex,
    via,
    voc,
)

MAKERS: Sequence[Callable[[], Iterator[Export]]] = (
    *(folders.exports, folder_oddities.exports, names.exports, tables.exports, contradictions.exports),
    *(
        kaggle.exports,
        known_folders.exports,
        known_tables.exports,
        hugging_face.exports,
        arrays.exports,
        web_dataset.exports,
        teachable_machine.exports,
    ),
    *(coco.exports, roboflow.exports, label_studio.exports, cvat.exports, datumaro.exports, fiftyone.exports),
    *(edge_impulse.exports, vertex.exports, ground_truth.exports, azure.exports, via.exports, voc.exports),
    boxes.exports,
)


def all_exports(only: Sequence[str] = ()) -> Iterator[Export]:
    """Those whose names begin with one of the words, if there are any."""
    for make in MAKERS:
        for export in make():
            if not only or export.name.startswith(tuple(only)):
                yield export
