"""Methods whose tasks have a network of their own: the search for the teacher, whose outcome is what is published.

What it is held against are the backbone's own features. They are no candidate, however good: they would be a network of
the task's own that is nobody's, and method `features` has them for a classifier's size.
"""

from dataclasses import replace

from nettailor.architecture.plan import full_plan
from nettailor.network.backbones import channels_last
from nettailor.network.student import Student
from nettailor.network.whole_network import WholeNetwork
from trainer.recipe.costs import RelativeCosts
from trainer.recipe.folds import Folds
from trainer.recipe.paired import difference
from trainer.recipe.planner import WorkPlan
from trainer.recipe.result import Trained
from trainer.recipe.selection import Candidate
from trainer.recipe.teacher import Teacher
from trainer.recipe.timing.progress_reporter import ProgressReporter


def train_whole(plan: WorkPlan, folds: Folds, costs: RelativeCosts, progress: ProgressReporter) -> Trained:
    """The stages of such a method. Raises `TrainingDiverged`."""
    folds.configure(replace(plan.config, teacher_lrs=plan.config.rates))
    progress.expected = plan.work(progress.unit)
    progress.enter("teacher", folds=plan.folds, flip=plan.flip)
    features = folds.probe_features()
    found = folds.train_teachers(progress.log, only_trained=True)
    accuracy = found.estimate.accuracy
    chosen: Candidate[Student] = Candidate(
        blocks_removed=0,
        accuracy=accuracy,
        cost=costs.cost(full_plan(folds.first.backbone.depth, 0)),
        good=True,
        model=_own_network(found.networks[0]),
        gap=accuracy - features.yardstick,
        error=difference(found.right, features.right).error,
    )
    progress.settle()
    progress.enter("select", blocks_removed=0, within_target=True)
    return Trained(plan=plan, fold=folds.first, teacher=found, candidates=[chosen], chosen=chosen)


def _own_network(teacher: Teacher) -> WholeNetwork:
    network = WholeNetwork(teacher.backbone, classes=teacher.head.out_features)
    network.head.load_state_dict(teacher.head.state_dict())
    return channels_last(network).to(teacher.head.weight.device).eval()
