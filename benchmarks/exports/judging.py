"""The verdict on one archive: every image's class and split beside the truth."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from benchmarks.exports.export import Export
from benchmarks.exports.reading import Frozen, Outcome, freeze_upload
from benchmarks.exports.samples import Sample, Truth
from trainer.errors import ArchiveInvalid, DatasetInvalid, DatasetNotUnderstood
from trainer.intake.placement import SPLITS, Split

Verdict = Literal["right", "refused_with_reason", "silently_wrong"]

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """``why`` is the refusal, or what is wrong; "" for what is right."""

    verdict: Verdict
    layout: str = ""
    why: str = ""


def judge(export: Export, folder: Path) -> Judgement:
    """Take the export in as a tailoring does, in a folder of its own, and compare every image with the truth."""
    try:
        outcome = freeze_upload(folder, export.data, export.classes)
    except (ArchiveInvalid, DatasetInvalid) as fault:
        return _judge_refusal(export, fault)
    return judge_outcome(export, outcome)


def judge_outcome(export: Export, outcome: Outcome) -> Judgement:
    faults = list(_faults(export, outcome))
    verdict: Verdict = "silently_wrong" if faults else "right"
    return Judgement(verdict=verdict, layout=outcome.report.layout or "", why="; ".join(faults))


def _judge_refusal(export: Export, fault: ArchiveInvalid | DatasetInvalid) -> Judgement:
    """A refusal that only counts what is missing says nothing of why; where one is due, it has to say the right thing.

    A needless one is judged as any other, and makes the share of what is read right smaller.
    """
    told = str(fault)
    if export.refusal:
        is_reason = re.search(export.refusal, told) is not None
    else:
        is_reason = isinstance(fault, DatasetNotUnderstood | ArchiveInvalid)
    return Judgement(verdict="refused_with_reason" if is_reason else "silently_wrong", why=f"refused: {told}")


def _faults(export: Export, outcome: Outcome) -> Iterator[str]:
    if export.refusal:
        yield "read, though nothing tells what its images are"
    doubtful = {sample.truth for sample in export.doubtful}
    if (doubtful or export.needs_warning) and "warning" not in outcome.weights:
        yield "there is no warning"
    certain = [image for image in outcome.images if image.true not in doubtful]
    yield from wrong_images(certain, export.true, given=export.given, names=export.names or export.classes)
    unsaid = [path for path in export.left_out if path not in outcome.reasons]
    if unsaid:
        yield f"left out without a word: {_some(unsaid)}"


def wrong_images(
    images: Iterable[Frozen], expected: Iterable[Sample], *, given: Collection[Split], names: Sequence[str]
) -> Iterator[str]:
    """What is wrong with them. Images of the splits ``given`` have to be in theirs, those of others may be anywhere;
    splits that are lacking are cut from the training images. ``names`` are in the order of the samples' classes."""
    true, found = {sample.truth: sample for sample in expected}, list(images)
    counts = Counter(image.true for image in found)
    for what, truths in (
        ("missing", true.keys() - counts.keys()),
        ("there without a class", counts.keys() - true.keys()),
        ("there more than once", {truth for truth, count in counts.items() if count > 1}),
    ):
        if truths:
            yield f"{len(truths)} of {len(true)} images are {what}: {_some(map(_in_words, sorted(truths)))}"
    placed = [image for image in found if image.true in true]
    labels = [image for image in placed if image.got[0] != _name_of(true[image.true], names)]
    splits = [image for image in placed if not _is_right_split(image, given)]
    for what, wrong in (("class", labels), ("split", splits)):
        if wrong:
            told = _some(f"{_in_words(image.true)} is {'/'.join(image.got)}" for image in wrong)
            yield f"{len(wrong)} of {len(true)} images have the wrong {what}: {told}"


def _name_of(sample: Sample, names: Sequence[str]) -> str:
    return names[sample.classes.index(sample.label)]


def _is_right_split(image: Frozen, given: Collection[Split]) -> bool:
    true = image.true.split
    cut = set(SPLITS) - set(given) if true == "train" else set()
    return true not in given or image.got[1] in {true, *cut}


def _in_words(truth: Truth) -> str:
    return f"{truth.label}/{truth.split} {truth.number}"


def _some(texts: Iterable[str]) -> str:
    found = list(texts)
    return ", ".join([*found[:3], *(["..."] if len(found) > 3 else [])])
