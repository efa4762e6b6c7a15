"""All layouts, in the order in which they are tried."""

from collections.abc import Collection

from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding
from trainer.intake.layouts.annotations.azure import AzureMachineLearning, CustomVision
from trainer.intake.layouts.annotations.boxes.box_table import BoxTable
from trainer.intake.layouts.annotations.boxes.create_ml import CreateMl
from trainer.intake.layouts.annotations.boxes.labelme import LabelMe
from trainer.intake.layouts.annotations.boxes.via import Via
from trainer.intake.layouts.annotations.boxes.voc import Voc, VocLists
from trainer.intake.layouts.annotations.boxes.vott import Vott
from trainer.intake.layouts.annotations.boxes.yolo import Yolo
from trainer.intake.layouts.annotations.coco import Coco
from trainer.intake.layouts.annotations.cvat import Cvat
from trainer.intake.layouts.annotations.datumaro import Datumaro
from trainer.intake.layouts.annotations.edge_impulse import EdgeImpulse, NamesOfImages
from trainer.intake.layouts.annotations.fiftyone import FiftyOne
from trainer.intake.layouts.annotations.ground_truth import GroundTruth
from trainer.intake.layouts.annotations.imagenet_lists import ImagenetLists
from trainer.intake.layouts.annotations.label_studio import LabelStudio
from trainer.intake.layouts.annotations.roboflow import RoboflowTable
from trainer.intake.layouts.annotations.tool import AnnotationTool
from trainer.intake.layouts.annotations.vertex import Vertex
from trainer.intake.layouts.arrays.array_layout import ArrayLayout
from trainer.intake.layouts.folders.class_folders import ClassFolders
from trainer.intake.layouts.folders.split_folders import SplitFolders
from trainer.intake.layouts.folders.unclear_folders import UnclearFolders
from trainer.intake.layouts.layout import Layout, Recognition
from trainer.intake.layouts.sidecars.sidecar_layout import SidecarLayout
from trainer.intake.layouts.tables.table_layout import TableLayout
from trainer.intake.layouts.tables.unlabelled_parquet import UnlabelledParquet
from trainer.intake.layouts.teachable_machine import TeachableMachine
from trainer.intake.upload import Upload

_INSIDE_FILES: tuple[Layout, ...] = (ArrayLayout(), UnlabelledParquet(), SidecarLayout(), TeachableMachine())
_CLASSES_OF_IMAGES: tuple[Layout, ...] = (
    *(Coco(), Datumaro(), Cvat(), LabelStudio(), FiftyOne(), RoboflowTable(), ImagenetLists(), VocLists()),
    *(EdgeImpulse(), GroundTruth(), Vertex(), AzureMachineLearning(), CustomVision()),
)
_BOXES: tuple[Layout, ...] = (Voc(), Yolo(), CreateMl(), LabelMe(), Via(), Vott(), BoxTable())
_FOLDERS: tuple[Layout, ...] = (NamesOfImages(), SplitFolders(), ClassFolders(), UnclearFolders())

LAYOUTS: tuple[Layout, ...] = (*_INSIDE_FILES, *_CLASSES_OF_IMAGES, *_BOXES, TableLayout(), *_FOLDERS)


def choose(upload: Upload) -> tuple[Layout, Recognition] | None:
    """The surest layout, the first of them where several are; None where none is recognised."""
    found = [(layout, recognition) for layout in LAYOUTS if (recognition := layout.recognise(upload)) is not None]
    return max(found, key=lambda pair: pair[1].confidence, default=None)


def unused_annotations(upload: Upload, chosen: Layout | None, told: Collection[str]) -> list[Finding]:
    """The findings on documents of annotation tools that cannot be read, or name too few images to count.

    There are none where a tool's export was chosen: what else lies beside it is the same in another format. ``told``
    are paths of documents that other findings speak of.
    """
    if isinstance(chosen, AnnotationTool):
        return []
    tools = [layout for layout in LAYOUTS if isinstance(layout, AnnotationTool)]
    reasons = {file.document.path: reason for tool in tools for file, reason in tool.unused(upload)}
    return [
        Finding(weight="warning", text=f"{path} is not used: {reason}.", files=(path,))
        for path, reason in sorted(reasons.items())
        if path not in told
    ]


def silent_annotations(upload: Upload) -> dict[Parts, str]:
    """Of documents of annotation tools that say no class of the upload's images: in which way. They may be all that was
    meant to, and need not be: beside class folders they are of no interest."""
    tools = [layout for layout in LAYOUTS if isinstance(layout, AnnotationTool)]
    return {file.document.parts: reason for tool in tools for file, reason in tool.silent(upload)}
