"""Methods that run the backbone's own path and nothing else: no teacher, no pruning, one network to publish.

What it is held against are the backbone's own features.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nettailor.network.student import Student
from trainer.recipe.config import RecipeConfig
from trainer.recipe.costs import RelativeCosts
from trainer.recipe.folds import Folds
from trainer.recipe.paired import difference
from trainer.recipe.planner import WorkPlan
from trainer.recipe.progress_reporter import ProgressReporter
from trainer.recipe.result import Trained
from trainer.recipe.selection import Candidate
from trainer.recipe.teachers.contest import Contest
from trainer.recipe.teachers.search import FoundTeacher


def train_plain(plan: WorkPlan, folds: Folds, costs: RelativeCosts, progress: ProgressReporter) -> Trained:
    """The stages of such a method. Raises `TrainingDiverged`."""
    folds.configure(plan.config)
    progress.expected = plan.expected_work
    progress.enter("student", folds=plan.folds, flip=plan.flip)
    features = folds.probe_features()
    config, chosen = _best(plan.config, folds, features, costs)
    progress.settle()
    progress.enter("select", blocks_removed=0, within_target=True)
    plan = replace(plan, config=config)
    return Trained(plan=plan, fold=folds.first, teacher=features, candidates=[chosen], chosen=chosen)


def _best(
    config: RecipeConfig, folds: Folds, features: FoundTeacher, costs: RelativeCosts
) -> tuple[RecipeConfig, Candidate[Student]]:
    """The most accurate of what is tried, and the configuration that it is the outcome of."""
    start = folds.plain_networks()
    tried = [(replace(config, adapts=False), start)]
    if config.trains_plain:
        for lr in config.rates:
            tried.append((replace(config, student=replace(config.student, lr=lr)), folds.train_plain(start, lr)))
    rights = np.stack([folds.correct(networks).numpy() for _, networks in tried])
    contest = Contest(right=rights, margins=[0.0] * len(tried))
    winner = contest.winner()
    accuracy = contest.estimate(seed=config.seed).accuracy
    if config.method == "features":
        accuracy = features.yardstick  # the same networks, by answers that had no part in the choice among probes
    best, networks = tried[winner]
    return best, _candidate(networks, accuracy, features, costs, error=difference(rights[winner], features.right).error)


def _candidate(
    networks: Sequence[Student], accuracy: float, features: FoundTeacher, costs: RelativeCosts, *, error: float
) -> Candidate[Student]:
    return Candidate(
        blocks_removed=0,
        accuracy=accuracy,
        cost=costs.cost(networks[0].plan),
        good=True,
        model=networks[0],
        gap=accuracy - features.yardstick,
        error=error,
    )
