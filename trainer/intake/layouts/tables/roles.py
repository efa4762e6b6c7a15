"""Which column of a table is what: by its name, and by what is in it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from trainer.intake.layouts.image_finder import ImageFinder
from trainer.intake.layouts.split_words import split_of, words
from trainer.intake.layouts.tables.grid import Grid, GridRow

# In the order of preference, written without blanks, dashes and capitals.
_FILE = (
    *("file", "path", "image", "filename", "name", "filepath", "imagepath", "imagefile", "imagename", "imageid"),
    *("img", "imgpath", "imgname", "imgfile", "imgid", "picture", "photo", "id", "uri", "url", "fname", "key"),
    *("images", "files", "filenames", "paths", "source"),
)
_LABEL = (
    *("label", "class", "category", "labelname", "classname", "categoryname", "labels", "classes", "target", "y"),
    *(
        "tag",
        "groundtruth",
        "gt",
        "classlabel",
        "imagelabel",
        "imageclasslabels",
        "diagnosis",
        "dx",
        "species",
        "breed",
    ),
)
_LABEL_WORDS = frozenset({"label", "labels", "class", "classes", "category", "target"})  # in longer names
_INDEX = ("classid", "labelid", "categoryid", "classindex", "labelindex", "classidx", "labelidx", "targetid")
_SPLIT = ("split", "set", "subset", "partition", "usage", "phase", "mluse", "datasplit", "dataset")
_GROUP = (
    *("group", "groupid", "video", "videoid", "patient", "patientid", "subject", "subjectid", "person", "personid"),
    *("session", "sessionid", "sequence", "sequenceid", "clip", "clipid", "scene", "sceneid", "lesion", "lesionid"),
    *("case", "caseid", "participant", "burst", "study", "studyid"),
)
_IS_TRAIN = ("istrain", "istraining", "istrainingimage", "train", "training", "traintestsplit")
_IS_TEST = ("istest", "istesting", "istestimage", "test", "testing")
_IS_VAL = ("isvalid", "isval", "isvalidation")  # of fastai; or it says that an image is sound, as most then are
_MOST_VAL = 0.5
# Columns of other tools that look like classes and are none.
_NEVER = frozenset(
    {
        *("width", "height", "xmin", "ymin", "xmax", "ymax", "x", "w", "h", "bbox", "size", "index", "fold"),
        *("age", "sex", "year", "date", "time", "roi", "roixy", "depth", "channels", "score", "confidence", "license"),
    }
)
_YES, _NO = frozenset({"1", "1.0", "true"}), frozenset({"0", "0.0", "false", ""})

NO_IMAGES = "no column names images of the archive"

_SAMPLE = 200  # rows
_TRIED = 64  # columns in which images are looked for, where the table has more


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Columns by their index; None where there is none."""

    file: int
    label: int | None = None
    # one column a class: index -> name of the class; then `label` is None
    one_hot: Mapping[int, str] = field(default_factory=dict)
    split: int | None = None
    # what the cells of `split` mean where they are 0 and 1
    split_words: Mapping[str, str] = field(default_factory=dict)
    group: int | None = None
    # whether the label was told by what is in its column alone
    is_guess: bool = False
    # names of other columns that might be the label
    rivals: tuple[str, ...] = ()

    @property
    def has_label(self) -> bool:
        return self.label is not None or bool(self.one_hot)


def is_role(name: str) -> bool:
    """Whether a cell reads like the name of a column."""
    return _key(name) in {*_FILE, *_LABEL, *_INDEX, *_SPLIT, *_GROUP, *_IS_TRAIN, *_IS_TEST, *_IS_VAL}


def is_label(name: str) -> bool:
    """Whether a column of that name is one of classes, whatever is in it."""
    return _key(name) in {*_LABEL, *_INDEX}


def find_roles(grid: Grid, find: ImageFinder) -> Roles | str:
    """The roles of the table's columns, or the reason why it is none about images."""
    sample = grid.sample(_SAMPLE)
    file = _file(grid, sample, find)
    if file is None:
        return NO_IMAGES
    keys = [_key(name) for name in grid.columns or [""] * grid.width]
    split, split_words = _split(keys, sample, {file})
    group = next((index for index, key in enumerate(keys) if key in _GROUP and index != file), None)
    taken = {file, split, group} - {None}
    rest = [index for index in range(grid.width) if index not in taken]
    known = [index for name in (*_LABEL, *_INDEX) for index in rest if keys[index] == name]
    roles = Roles(file=file, split=split, split_words=split_words, group=group)
    return _with_label(roles, grid, sample, known, rest)


def label_of(roles: Roles, row: GridRow) -> str | None:
    """The class that a row tells; "" where it tells none, or several; None where the table has no labels."""
    if roles.label is not None:
        return row.cells[roles.label]
    if not roles.one_hot:
        return None
    names = classes_of(roles, row)
    return names[0] if len(names) == 1 else ""


def classes_of(roles: Roles, row: GridRow) -> list[str]:
    """Those whose columns of 0 and 1 hold 1."""
    return [name for index, name in roles.one_hot.items() if row.cells[index].lower() in _YES]


def _with_label(roles: Roles, grid: Grid, sample: Sequence[GridRow], known: list[int], rest: list[int]) -> Roles:
    columns = grid.columns or tuple(f"column {index + 1}" for index in range(grid.width))
    if known:
        label = _names_of(known[0], [*known[1:], *(index for index in rest if index not in known)], sample)
        rivals = tuple(columns[index] for index in known if index != label and not _are_alike(index, label, sample))
        return replace(roles, label=label, rivals=rivals)
    if one_hot := _one_hot(rest, sample):
        return replace(roles, one_hot={index: columns[index] for index in one_hot})
    likely = [index for index in rest if not _is_other(columns[index]) and _sorts(grid.column(index))]
    if not likely:
        return roles
    likely = [index for index in likely if not all(map(str.isdigit, grid.column(index)))] or likely  # names first
    called = [index for index in likely if _LABEL_WORDS.intersection(words(columns[index]))]
    label = _names_of((called or likely)[0], [index for index in likely if index != (called or likely)[0]], sample)
    rivals = tuple(columns[index] for index in likely if index != label and not _are_alike(index, label, sample))
    return replace(roles, label=label, rivals=rivals, is_guess=not called)


def _file(grid: Grid, sample: Sequence[GridRow], find: ImageFinder) -> int | None:
    """The column that names the most different images; of equal ones the one with the better name."""
    keys = [_key(name) for name in grid.columns or ()]
    named = [index for name in _FILE for index, key in enumerate(keys) if key == name]
    tried = dict.fromkeys([*named, *range(min(grid.width, _TRIED))])
    folder = grid.document.folder
    hits = {index: len({find(row.cells[index], folder) for row in sample} - {None}) for index in tried}
    best = max(hits, key=lambda index: hits[index], default=None)
    return best if best is not None and hits[best] else None


def _split(
    keys: Sequence[str], sample: Sequence[GridRow], taken: Collection[int]
) -> tuple[int | None, Mapping[str, str]]:
    """The column of splits, and what its cells mean where they are 0 and 1."""
    for index in (index for name in _SPLIT for index, key in enumerate(keys) if key == name and index not in taken):
        if any(split_of(row.cells[index]) for row in sample):
            return index, {}
    for index, key in enumerate(keys):
        words_of_split = {} if index in taken else _yes_or_no(key, [row.cells[index].lower() for row in sample])
        if words_of_split:
            return index, words_of_split
    if not any(keys):  # no header
        for index in range(len(keys)):
            if index not in taken and all(split_of(row.cells[index]) for row in sample):
                return index, {}
    return None, {}


def _yes_or_no(key: str, cells: Sequence[str]) -> Mapping[str, str]:
    """What the cells of a column such as `is_test` mean; nothing for all other columns."""
    if not cells or not set(cells) <= _YES | _NO:
        return {}
    yes = "train" if key in _IS_TRAIN else "test" if key in _IS_TEST else ""
    if key in _IS_VAL and sum(cell in _YES for cell in cells) < _MOST_VAL * len(cells):
        yes = "val"
    if not yes:
        return {}
    return {**dict.fromkeys(_YES, yes), **dict.fromkeys(_NO, "test" if yes == "train" else "train")}


def _one_hot(rest: Sequence[int], sample: Sequence[GridRow]) -> list[int]:
    """The columns of which one is 1 in most rows, and the others 0."""
    binary = [index for index in rest if all(row.cells[index].lower() in _YES | _NO for row in sample)]
    if len(binary) < 2:
        return []
    ones = [sum(row.cells[index].lower() in _YES for index in binary) for row in sample]
    return binary if 2 * sum(count == 1 for count in ones) > len(ones) else []


def _is_other(name: str) -> bool:
    """Whether the name is that of a column of other things: pandas leaves that of the row numbers empty."""
    return not name or name.startswith("Unnamed") or _key(name) in _NEVER


def _sorts(cells: Sequence[str]) -> bool:
    """Whether a column without a telling name sorts the rows into classes: several values, most of them repeated."""
    values = set(cells)
    return 1 < len(values) <= max(2, len(cells) // 2) and not any(
        _is_measure(each) or _is_json(each) for each in values
    )


def _is_measure(value: str) -> bool:
    """Whether it is a number with a fraction."""
    return "." in value and value.replace(".", "", 1).lstrip("-").isdigit()


def _is_json(value: str) -> bool:
    """Whether it is an object or a list of a tool, and no word."""
    return value.startswith(("{", "[{"))


def _names_of(label: int, others: Iterable[int], sample: Sequence[GridRow]) -> int:
    """The column with the names where ``label`` holds numbers and another one says the same in words."""
    if not all(row.cells[label].isdigit() for row in sample):
        return label
    named = (index for index in others if not any(row.cells[index].isdigit() for row in sample))
    return next((index for index in named if _are_alike(index, label, sample)), label)


def _are_alike(one: int, other: int, sample: Sequence[GridRow]) -> bool:
    """Whether two columns sort the rows into the same classes."""
    pairs = {(row.cells[one], row.cells[other]) for row in sample}
    return len(pairs) == len({pair[0] for pair in pairs}) == len({pair[1] for pair in pairs}) > 1


def _key(name: str) -> str:
    return "".join(words(name))
