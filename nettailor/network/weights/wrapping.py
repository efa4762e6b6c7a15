"""What training tools put around a network: dicts, prefixes, a second copy of the network, heads, and their own state.

A wrapping is one level: a key of a dict ({"state_dict": ...}) or the first part of every name (`module.`). Levels are
taken off from outside, in whatever order they come, until the names are a network's own.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from nettailor.network.weights.refusal import Refusal

# Of two copies in one file the first is taken: the one that the tool itself evaluates, or hands to others.
_TAKEN_BEFORE: Mapping[str, tuple[str, ...]] = {
    "state_dict_ema": ("state_dict",),
    "model_ema": ("model", "state_dict"),
    "ema_model": ("model", "net"),
    "state_dict": ("ema_state_dict",),  # mmengine swaps the two when it saves: the average is in `state_dict`
    "teacher": ("student",),
    "teacher_backbone": ("student_backbone",),
    "encoder_q": ("encoder_k",),
    "base_encoder": ("momentum_encoder",),
    "online_encoder": ("target_encoder", "net"),  # byol-pytorch keeps the online network under `net` as well
    "online_network": ("target_network",),
    "online_network_state_dict": ("target_network_state_dict", "model"),
    "backbone": ("backbone_momentum", "momentum_backbone", "target_net", "encoder_k"),
    "encoder": ("momentum_encoder", "target_encoder"),
}
_OTHER_WRAPPERS = ("module", "_orig_mod", "network", "resnet", "learner", "timm_model", "model_state_dict")
_WRAPPERS = frozenset({*_OTHER_WRAPPERS, *_TAKEN_BEFORE, *(n for left in _TAKEN_BEFORE.values() for n in left)})

# torch.compile, FSDP and activation checkpointing wrap parts of a network, too.
_TRANSPARENT = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})

_CLASSIFIERS = ("fc", "head", "heads", "classifier", "last_linear", "linear", "neck")
_PROJECTORS = ("projector", "projection", "projection_head", "proj_head", "prototypes", "student_head", "teacher_head")
_PREDICTORS = ("predictor", "prediction_head", "online_predictor")
_OF_THE_AVERAGE = (
    *("momentum_projector", "momentum_predictor", "momentum_classifier", "momentum_head"),
    *("projection_head_momentum", "prediction_head_momentum"),
)
_OF_TRAINING = ("queue", "queue_ptr", "n_averaged", "criterion", "loss", "loss_fn")
# What comes after the pooled features, or is no part of the network.
_BESIDE = frozenset({*_CLASSIFIERS, *_PROJECTORS, *_PREDICTORS, *_OF_THE_AVERAGE, *_OF_TRAINING})
_COUNTERS = frozenset({"num_batches_tracked", "total_ops", "total_params"})  # the last two: of profilers
_MOST_LEVELS = 8


@dataclass(frozen=True, kw_only=True)
class Unwrapped:
    """`tensors` are the network's, by its own names; `left_out` counts the tensors known to be no part of it.

    `unknown` are names beside the network that nothing is known of. `levels` are the wrappings, from outside.
    """

    tensors: Mapping[str, Tensor]
    levels: tuple[str, ...]
    left_out: Mapping[str, int]
    unknown: tuple[str, ...]


def unwrap(document: Mapping[Any, Any], refuse: Refusal) -> Unwrapped:
    """Take all wrappings off. Raises `BackboneWeightsInvalid` where it cannot be told which part is the network."""
    inner, dicts, left_out = _out_of_dicts(document, refuse)
    tensors = _without_transparent(_tensors(inner), refuse)
    levels, unknown = list(dicts), [f"{k}.*" for k, v in inner.items() if _nested(v) and not _is_state(str(k))]
    for _ in range(_MOST_LEVELS):
        groups = _by_first_part(tensors)
        chosen = None if _is_network(groups) else _chosen(groups, refuse)
        if chosen is None:
            break
        for name, group in groups.items():
            if name in _BESIDE or name in _TAKEN_BEFORE.get(chosen, ()):
                left_out[name] += len(group)
            elif name != chosen:
                unknown += [f"{name}.{rest}".rstrip(".") for rest in group]
        levels, tensors = [*levels, chosen], groups[chosen]
    return Unwrapped(tensors=tensors, levels=tuple(levels), left_out=left_out, unknown=tuple(unknown))


def _out_of_dicts(document: Mapping[Any, Any], refuse: Refusal) -> tuple[Mapping[Any, Any], list[str], Counter[str]]:
    """The dict of tensors, the keys that lead to it, and what lies beside it."""
    levels: list[str] = []
    left_out: Counter[str] = Counter()
    for _ in range(_MOST_LEVELS):
        nested = [str(key) for key, value in document.items() if _nested(value)]
        chosen = None if _is_network(_by_first_part(_tensors(document))) else _chosen(nested, refuse)
        if chosen is None:
            break
        left_out.update(str(key) for key in document if key != chosen)
        levels, document = [*levels, chosen], document[chosen]
    if not _tensors(document):
        held = ", ".join(sorted(map(str, document))[:5]) or "nothing"
        raise refuse(f"holds no tensors where a network's are expected, but {held}; save `model.state_dict()`")
    return document, levels, left_out


def _tensors(document: Mapping[Any, Any]) -> dict[str, Tensor]:
    return {str(key): value for key, value in document.items() if isinstance(value, Tensor)}


def _nested(value: Any, levels: int = _MOST_LEVELS) -> bool:
    """Whether it is a dict with tensors in it, however deep; a dict may hold itself."""
    if not isinstance(value, Mapping) or not levels:
        return False
    return any(isinstance(each, Tensor) or _nested(each, levels - 1) for each in value.values())


def _is_state(key: str) -> bool:
    return key.startswith(("optim", "sched", "lr_sched", "scaler", "amp"))


def _chosen(names: Iterable[str], refuse: Refusal) -> str | None:
    """Which of these names leads to the network; None if none is a wrapping."""
    wrappers = [name for name in names if name in _WRAPPERS]
    later = {left for name in wrappers for left in _TAKEN_BEFORE.get(name, ())}
    first = [name for name in wrappers if name not in later]
    if len(first) > 1:
        raise refuse(f"holds several networks, {' and '.join(first)}; save the `state_dict()` of the one that is meant")
    return first[0] if first else None


def _by_first_part(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    groups: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        first, _, rest = name.partition(".")
        groups.setdefault(first, {})[rest] = tensor
    return groups


def _is_network(groups: Mapping[str, Any]) -> bool:
    """torchvision's names, ours, transformers', or those of a Sequential of torchvision's parts."""
    names = groups.keys()
    return bool(names & {"layer1", "embedder"}) or names >= {"stem", "blocks"} or names >= {"0", "4"}


def _without_transparent(tensors: Mapping[str, Tensor], refuse: Refusal) -> dict[str, Tensor]:
    found = {".".join(part for part in name.split(".") if part not in _TRANSPARENT): t for name, t in tensors.items()}
    if len(found) < len(tensors):
        raise refuse("holds the same names twice, compiled and not; save the `state_dict()` of one of the two")
    return found


def without_heads(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Counter[str]]:
    """The tensors without what comes after the features, which is counted; without counters, which nobody misses."""
    own = {name: tensor for name, tensor in tensors.items() if name.partition(".")[0] not in _BESIDE}
    heads = Counter(name.partition(".")[0] for name in tensors.keys() - own.keys())
    return {name: tensor for name, tensor in own.items() if name.rpartition(".")[2] not in _COUNTERS}, heads
