"""Files of data that are not read: databases, pickles and other programs' own formats.

They may be the whole data set, or its labels, and so are never passed over.
"""

from collections import defaultdict
from collections.abc import Sequence

from trainer.intake.archives.formats import kind_of
from trainer.intake.archives.mends import MENDS
from trainer.intake.archives.paths import Parts
from trainer.intake.arrays.npy import MAGIC as NUMPY
from trainer.intake.findings import Finding, Weight, paths_of, shorten
from trainer.intake.parquet.footer import MAGIC as PARQUET
from trainer.intake.parquet.library import PyarrowMissing, pyarrow
from trainer.intake.scanning.scan import Scan

_WORKBOOKS = (".xlsx", ".xls", ".xlsb", ".ods", ".numbers")


def unread_data(scan: Scan) -> list[Finding]:
    """A finding for each kind: an error where there are no images, and these files may be what is meant."""
    kinds: dict[str, list[Parts]] = defaultdict(list)
    for parts, kind in sorted(scan.others.items()):
        kinds[kind].append(parts)
    for document in scan.documents:
        kinds[kind_of(document.head())].append(document.parts)
    return [
        *(_finding(scan, files, f"not read ({kind}): {MENDS[kind]}") for kind, files in kinds.items() if kind in MENDS),
        *_without_pyarrow(scan),
        *_other_arrays(scan),
    ]


def workbooks(scan: Scan) -> list[Finding]:
    """A warning for each, whatever lies beside it: it may hold the labels."""
    files = ["/".join(parts) for parts in sorted(scan.others) if parts[-1].lower().endswith(_WORKBOOKS)]
    mend = "is a workbook, and not read: save its sheet as CSV, if it tells the classes"
    return [Finding(weight="warning", text=f"{file} {mend}.", files=(file,)) for file in files]


def _without_pyarrow(scan: Scan) -> list[Finding]:
    files = [document.parts for document in scan.documents if document.head(len(PARQUET)) == PARQUET]
    try:
        pyarrow()
    except PyarrowMissing as fault:
        return [_finding(scan, files, f"not read: Parquet {fault}")] if files and not scan.promised else []
    return []


def _other_arrays(scan: Scan) -> list[Finding]:
    files = [document.parts for document in scan.documents if document.head(len(NUMPY)) == NUMPY]
    if not files or scan.promised:
        return []  # beside images they may be labels
    mend = (
        "save all images as one array of shape (N, H, W) or (N, H, W, 3), or each as a PNG file or as 8-bit numbers of "
        "shape (H, W, 3), in a folder a class"
    )
    return [_finding(scan, files, f"no array of images: {mend}")]


def _finding(scan: Scan, files: Sequence[Parts], why: str) -> Finding:
    paths = ", ".join(shorten(["/".join(parts) for parts in files]))
    is_are = "are" if len(files) > 1 else "is"
    weight: Weight = "note" if scan.promised else "error"
    return Finding(weight=weight, text=f"{paths} {is_are} {why}.", files=paths_of(files))
