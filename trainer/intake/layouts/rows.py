"""From rows that say what images are, whatever document they come from, to places of images.

Most layouts are lists of such rows: a table has one a line, an annotation tool one an image. A layout turns its
documents into `Row`s, hands each to `Rows.take`, and gets its `Reading` from `Rows.reading`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding, Weight, shorten
from trainer.intake.layouts.image_finder import finder_of, names_of
from trainer.intake.layouts.layout import Reading
from trainer.intake.layouts.split_words import is_unlabelled, split_of
from trainer.intake.placement import MAX_CLASS_CHARACTERS, Placement, Split
from trainer.intake.upload import Document, Upload

NO_SPLIT = "is no split (train, val, test)"
_SHOWN = 200  # characters of a path in a message

Fault = Literal["missing", "shared", "unlabelled", "long", "split", "repeated", "contradicted", "malformed"]

_SENTENCES: dict[Fault, tuple[str, str]] = {  # of several, and what they are about
    "missing": ("name no image of the upload", "Add the images, or take the rows out."),
    "shared": ("name several images of the upload", "Write the folders of the images, too: cats/1.png."),
    "unlabelled": ("have no label", "Their images are left out."),
    "long": (f"have a label of more than {MAX_CLASS_CHARACTERS} characters", "Their images are left out."),
    "split": ("name a split that is not known", "Their images are left out: call it train, val or test."),
    "repeated": ("name an image again, and say the same", ""),
    "contradicted": ("say something else of an image than one before", "Such images are left out: correct the rows."),
    "malformed": ("have more cells than there are columns", "Quote the cells that hold the delimiter."),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a document says of one image. ``where`` is the place in it: "line 3", "entry 12"."""

    where: str
    # as it is written: relative to the document, to the upload, or from elsewhere
    file: str
    # None where the document says nothing of labels at all, so that another one may; "" where it should and does not
    label: str | None = None
    # a word for it, or ""
    split: str = ""
    # "" for none
    group: str = ""
    # what is in the place of a label that is "": "the column label is empty"
    instead: str = ""
    # where the word for the split stands, as it is said: " in the column split"
    split_place: str = ""


@dataclass(kw_only=True)
class Said:
    """What the rows so far say of one image, and which was the first to name it.

    ``also`` are the other documents that do."""

    document: Document
    where: str
    also: tuple[Document, ...] = ()
    label: str | None = None
    split: Split | None = None
    group: str = ""


@dataclass(kw_only=True)
class Rows:
    """Collects rows. What is wrong with one is noted with its line, and once more in a finding with all such lines."""

    upload: Upload
    _said: dict[Parts, Said] = field(default_factory=dict)
    _left_out: list[tuple[Parts, str]] = field(default_factory=list)
    _faults: dict[tuple[Parts, Fault], list[str]] = field(default_factory=lambda: defaultdict(list))
    _taken: Counter[Parts] = field(default_factory=Counter)
    # what is wrong with rows, where it differs from row to row, each once
    _details: dict[tuple[Parts, Fault], dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    # by the image: why the first of its rows that cannot be used cannot, and where it stands
    reasons: dict[Parts, str] = field(default_factory=dict)
    # images of which rows say different things
    contradicted: set[Parts] = field(default_factory=set)
    # images that any row names
    named: set[Parts] = field(default_factory=set)
    # what rows call images, each time several at once
    _shared: set[str] = field(default_factory=set)
    # rows of documents that have labels, whether they can be used or not
    with_label: int = 0

    def take(self, document: Document, row: Row) -> None:
        self._taken[document.parts] += 1
        self.with_label += row.label is not None
        image, shown = self.find(document, row.file), repr(row.file[:_SHOWN])
        if image is not None:
            self.named.add(image)
        if image is None:
            self._not_found(document, row, shown)
        elif row.label == "":
            why = f": {row.instead}" if row.instead else ""
            reason = f"{shown} has no label{why}"
            self.fault(document, "unlabelled", row.where, reason, image=image, detail=row.instead)
        elif row.label is not None and len(row.label) > MAX_CLASS_CHARACTERS:
            reason = f"the class name is longer than {MAX_CLASS_CHARACTERS} characters"
            self.fault(document, "long", row.where, reason, image=image)
        elif is_unknown_split(row.split):
            detail = f"{row.split[:50]!r}{row.split_place}"
            self.fault(document, "split", row.where, f"{detail} {NO_SPLIT}", image=image, detail=detail)
        else:
            self._add(document, row, image)

    def _not_found(self, document: Document, row: Row, shown: str) -> None:
        name = self.upload.once(finder_of).shared_name(row.file, document.folder)
        if name is None:
            self.fault(document, "missing", row.where, f"no image {shown} in the archive")
        else:
            self._shared.add(name)
            self.fault(document, "shared", row.where, f"several images are called {shown}")

    def find(self, document: Document, file: str) -> Parts | None:
        """The image that a document calls so."""
        return self.upload.once(finder_of)(file, document.folder)

    def why(self, image: Parts) -> str | None:
        """Why an image is left out, if that is the rows' fault."""
        if image in self.reasons or not self._shared.intersection(names_of(image)):
            return self.reasons.get(image)
        return "several images are called so, and the rows do not say which they mean"

    def fault(
        self,
        document: Document,
        fault: Fault,
        where: str,
        reason: str,
        *,
        image: Parts | None = None,
        detail: str = "",
    ) -> None:
        """Note a row that cannot be used; one that is malformed was not taken before. ``image`` is the one it names,
        ``detail`` what the finding on all such rows says of this one."""
        self._taken[document.parts] += fault == "malformed"
        if image is not None:
            self.reasons.setdefault(image, f"{reason} ({where} of {document.path!r})")
        if detail:
            self._details[document.parts, fault][detail] = None
        self._left_out.append((document.parts, f"{where}: {reason}"))
        self._faults[document.parts, fault].append(where)

    @property
    def labelled(self) -> int:
        """Images with a label."""
        return sum(said.label is not None for said in self._said.values())

    def reading(self, *, classes: Iterable[str] = (), findings: Iterable[Finding] = ()) -> Reading:
        """What the rows say. ``classes`` are names that the documents declare."""
        said = self.said()
        documents = frozenset(self._taken)
        return Reading(
            placements={
                image: Placement(label=each.label, split=each.split)
                for image, each in said.items()
                if each.label is not None
            },
            left_out=self._left_out,
            findings=[*findings, *self._findings()],
            classes=frozenset(classes),
            documents=documents,
            groups={image: each.group for image, each in said.items() if each.group},
        )

    def said(self) -> dict[Parts, Said]:
        """What is said of every image of which no two rows say different things."""
        return {image: said for image, said in self._said.items() if image not in self.contradicted}

    def _add(self, document: Document, row: Row, image: Parts) -> None:
        split = split_of(row.split) if row.split else None
        said = self._said.setdefault(image, Said(document=document, where=row.where))
        if document is not said.document and document not in said.also:
            said.also += (document,)
        before = (said.label, said.split, said.group)
        if _differs(said.label, row.label) or _differs(said.split, split) or _differs(said.group, row.group):
            self.contradicted.add(image)
            reason = f"{row.file[:_SHOWN]!r} is said to be something else in '{said.document.path}', {said.where}"
            self.fault(document, "contradicted", row.where, reason, image=image)
            return
        said.label = row.label if said.label is None else said.label
        said.split = said.split or split
        said.group = said.group or row.group
        if before == (said.label, said.split, said.group) and before != (None, None, ""):
            self._faults[document.parts, "repeated"].append(row.where)

    def _findings(self) -> list[Finding]:
        return [
            self._finding(document, fault, found)
            for (document, fault), found in sorted(self._faults.items(), key=lambda item: item[0])
        ]

    def _finding(self, document: Parts, fault: Fault, found: list[str]) -> Finding:
        path, (does, mend) = "/".join(document), _SENTENCES[fault]
        details = ", ".join(shorten(list(self._details.get((document, fault), ()))))
        does = f"{does} ({details})" if details else does
        text = f"{path}: {len(found)} of {self._taken[document]} rows {does}: {', '.join(shorten(found))}. {mend}"
        return Finding(weight=self._weight(fault), text=text.strip(), files=(path,))

    def _weight(self, fault: Fault) -> Weight:
        if fault == "repeated":
            return "note"
        are_most = fault == "contradicted" and 2 * len(self.contradicted) > len(self.named)
        return "error" if are_most else "warning"


def is_unknown_split(word: str) -> bool:
    """Whether a word is there, and is neither a split nor says that there is none."""
    return bool(word) and split_of(word) is None and not is_unassigned(word)


def is_unassigned(split: str) -> bool:
    """Whether the word says that an image belongs to no split yet."""
    return split.casefold() in {"unassigned", "none", "nan", "null", "-", "all", "default"} or is_unlabelled(split)


def _differs(said: object, says: object) -> bool:
    return bool(said) and bool(says) and said != says
