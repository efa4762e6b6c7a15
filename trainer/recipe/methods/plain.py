"""Methods that run the backbone's own path and nothing else: no teacher, no search, one network to publish."""

from trainer.recipe.costs import RelativeCosts
from trainer.recipe.folds import Folds
from trainer.recipe.paired import difference
from trainer.recipe.planner import WorkPlan
from trainer.recipe.progress_reporter import ProgressReporter
from trainer.recipe.result import Trained
from trainer.recipe.selection import Candidate


def train_plain(plan: WorkPlan, folds: Folds, costs: RelativeCosts, progress: ProgressReporter) -> Trained:
    """The stages of a method without a teacher. What the network is held against are the backbone's own features."""
    folds.configure(plan.config)
    progress.expected = plan.expected_work
    progress.enter("student", folds=plan.folds, flip=plan.flip)
    features = folds.probe_features()
    networks = folds.plain_networks()
    right = folds.correct(networks).numpy()
    # The classifier of the features was chosen by these very answers, which flatter it.
    accuracy = features.yardstick if plan.config.method == "features" else float(right.mean())
    candidate = Candidate(
        blocks_removed=0,
        accuracy=accuracy,
        cost=costs.cost(networks[0].plan),
        good=True,
        model=networks[0],
        gap=accuracy - features.yardstick,
        error=difference(right, features.right).error,
    )
    progress.settle()
    progress.enter("select", blocks_removed=0, within_target=True)
    return Trained(plan=plan, fold=folds.first, teacher=features, candidates=[candidate], chosen=candidate)
