"""All layouts, in the order in which they are tried."""

from trainer.intake.layouts.folders.class_folders import ClassFolders
from trainer.intake.layouts.folders.split_folders import SplitFolders
from trainer.intake.layouts.folders.unclear_folders import UnclearFolders
from trainer.intake.layouts.layout import Layout, Recognition
from trainer.intake.layouts.tables.table_layout import TableLayout
from trainer.intake.upload import Upload

LAYOUTS: tuple[Layout, ...] = (TableLayout(), SplitFolders(), ClassFolders(), UnclearFolders())


def choose(upload: Upload) -> tuple[Layout, Recognition] | None:
    """The surest layout, the first of them where several are; None where none is recognised."""
    found = [(layout, recognition) for layout in LAYOUTS if (recognition := layout.recognise(upload)) is not None]
    return max(found, key=lambda pair: pair[1].confidence, default=None)
