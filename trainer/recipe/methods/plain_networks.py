"""Networks of methods that add no path: the backbone's blocks, and what a task has of its own in and beside them."""

from dataclasses import replace
from functools import partial

from nettailor.architecture.plan import full_plan
from nettailor.network.backbones import channels_last
from nettailor.network.masked import MaskedStudent
from nettailor.network.packnet.student import PackedStudent
from nettailor.network.student import Student
from trainer.recipe.fold import Fold
from trainer.training.schedule import Schedule

_ONE_IN = 3  # one in so many of the epochs of a packed network comes after most of its weights are given back


def plain_network(fold: Fold) -> Student:
    """The backbone's blocks and no other paths; statistics of the task's own are estimated on the training images.
    The classifier is random. Where it starts warm it is the earlier version, classifier apart."""
    fold.seed("student")
    network = channels_last(_untrained(fold)).to(fold.device)
    if fold.warm is None:
        fold.reestimate_statistics(network, None)
        return network
    fold.start_warm(network)
    return network


def _untrained(fold: Fold) -> Student:
    if fold.config.method == "piggyback":
        return MaskedStudent(fold.backbone, classes=fold.classes, adapts=fold.config.adapts)
    if fold.config.method == "packnet":
        return PackedStudent(fold.backbone, classes=fold.classes, chain=fold.chain)
    return fold.empty_student(full_plan(fold.backbone.depth, 0))


def trained_plain(fold: Fold, network: Student, lr: float) -> Student:
    """A copy that has learned what is its own: scale and shift in the statistics, adapters, masks, weights, and the
    classifier."""
    trained = channels_last(network.pruned(network.plan, fold.backbone)).to(fold.device)
    schedule, name = fold.fitted(fold.config.plain_schedule(lr)), f"{fold.config.plain_run}-lr{lr:g}"
    if isinstance(trained, PackedStudent):
        _fill(fold, trained, name, schedule)
    else:
        _fit(fold, trained, name, schedule)
    return trained


def _fill(fold: Fold, network: PackedStudent, name: str, schedule: Schedule) -> None:
    """All weights that are free; then, once most are given back, those that the task keeps, at a tenth of the rate."""
    last = max(1, schedule.epochs // _ONE_IN)
    network.take_free()
    _fit(fold, network, name, replace(schedule, epochs=max(1, schedule.epochs - last)))
    network.prune(fold.config.owned_share)
    _fit(fold, network, f"{name}-retrain", replace(schedule, epochs=last, lr=schedule.lr / 10))


def _fit(fold: Fold, network: Student, name: str, schedule: Schedule) -> None:
    fold.fit(network, name, schedule, fold.fine_tuning(network), partial(fold.new_batches, schedule))
