"""Pretrains the embedded backbone on several image sets at once.

`python -m trainer.pretrain --data SET.zip ... --out runs/mini26`

Each set has a head of its own on the shared backbone; a batch mixes the sets. The schedule follows the time budget
(one cycle over `--minutes` of training time), so that the run ends when it should on a machine that does other work,
or takes `--epochs` whatever the time; it resumes from its last checkpoint. The exported files hold an exponential
moving average of the weights: NAME.safetensors the backbone's, NAME.heads.safetensors the heads'. `--start` gives the
backbone of an earlier run, for one more cycle, which begins with heads that are fitted to its features.

`--prune SHARE` makes a pruned backbone of that of `--start`, or of the shipped one, for tasks of method `packnet`: it
sets the smallest weights of each convolution of the blocks to 0, retrains the others for `--minutes`, and writes
NAME-pruned.safetensors with a card beside it.

`--heads` trains no backbone: it fits a head for each set to the features of the backbone of `--start`, or of the
shipped one, and writes them.
"""

import argparse
import json
import logging
import sys
from pathlib import Path

from nettailor.network.backbones import load_backbone
from trainer.errors import TooFewImages
from trainer.pretrain.card import write_card
from trainer.pretrain.config import PretrainConfig
from trainer.pretrain.evaluation import accuracy
from trainer.pretrain.export import export
from trainer.pretrain.heads import export_heads, fitted_head, head_accuracy
from trainer.pretrain.image_set import read_zip
from trainer.pretrain.training import Pretraining

_RETRAINING_LR = 0.02  # of weights that are good already


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    args = _arguments()
    if args.heads:
        _fit_heads(args)
        return
    try:
        _pretrain(args)
    except TooFewImages as error:
        sys.exit(f"trainer.pretrain: {error}")


def _pretrain(args: argparse.Namespace) -> None:
    config = PretrainConfig(
        backbone=args.backbone,
        minutes=args.minutes,
        epochs=args.epochs,
        lr=args.lr or (PretrainConfig.lr if args.prune is None else _RETRAINING_LR),
        label_smoothing=args.label_smoothing,
        saturation=args.saturation,
        grey=args.grey,
        seed=args.seed,
        start=args.start,
        prune=args.prune,
    )
    run = Pretraining(config, [read_zip(path, "train", args.out) for path in args.data], args.out)
    if args.prune is not None:
        _prune(run, args)
        return
    run.run()
    weights = args.out / f"{config.backbone}.safetensors"
    export(run.averaged.backbone, weights)
    shipped = load_backbone(config.backbone, weights)
    export_heads(run.averaged_heads(), shipped, weights.with_suffix(".heads.safetensors"))
    told = {"top1": _top1(run, args), "epochs": run.epoch, "minutes": round(run.seconds / 60, 1)}
    print(json.dumps(told))


def _prune(run: Pretraining, args: argparse.Namespace) -> None:
    before = _top1(run, args)
    run.run()
    weights = args.out / f"{args.backbone}-pruned.safetensors"
    export(run.averaged.backbone, weights)
    told = write_card(
        weights.with_suffix(".md"),
        weights,
        run.config,
        before=before,
        after=_top1(run, args),
        epochs=run.epoch,
        minutes=run.seconds / 60,
    )
    print(json.dumps(told))


def _top1(run: Pretraining, args: argparse.Namespace) -> dict[str, float]:
    """On the test split of each set."""
    tests = [read_zip(path, "test", args.out) for path in args.data]
    return {
        test.name: round(accuracy(run.averaged, test, index, int(run.offsets[index])), 4)
        for index, test in enumerate(tests)
    }


def _fit_heads(args: argparse.Namespace) -> None:
    backbone = load_backbone(args.backbone, args.start)
    heads, top1 = [], {}
    for path in args.data:
        train, test = (read_zip(path, split, args.out, most=args.images_a_class) for split in ("train", "test"))
        heads.append((train.name, fitted_head(backbone, train)))
        top1[test.name] = round(head_accuracy(heads[-1][1], backbone, test), 4)
    export_heads(heads, backbone, args.out / f"{args.backbone}.heads.safetensors")
    print(json.dumps({"top1": top1}))


def _share(text: str) -> float:
    share = float(text)
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"a share between 0 and 1, not {text}")
    return share


def _above_zero(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"a number above 0, not {text}")
    return number


def _fraction(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"a number from 0 to 1, not {text}")
    return number


def _whole(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"1 or more, not {text}")
    return number


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m trainer.pretrain", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="zips of train/<class>/ and test/<class>/")
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint, caches and the exported file")
    parser.add_argument("--minutes", type=_above_zero, default=PretrainConfig.minutes, help="training time")
    parser.add_argument("--epochs", type=_whole, help="the cycle's length, whatever time it takes")
    parser.add_argument("--label-smoothing", type=_fraction, default=PretrainConfig.label_smoothing)
    parser.add_argument("--saturation", type=_fraction, default=PretrainConfig.saturation, help="times 1 +- this")
    parser.add_argument("--grey", type=_fraction, default=PretrainConfig.grey, help="share of images without colours")
    parser.add_argument("--lr", type=_above_zero, help=f"at its peak: {PretrainConfig.lr}, {_RETRAINING_LR} to prune")
    parser.add_argument("--prune", type=_share, metavar="SHARE", help="of the weights, to be set to 0; 0.5 in PackNet")
    parser.add_argument("--start", type=Path, help="weights of the backbone to start from")
    parser.add_argument("--backbone", default=PretrainConfig.backbone)
    parser.add_argument("--heads", action="store_true", help="fit heads to the features of a trained backbone instead")
    parser.add_argument("--images-a-class", type=_whole, help="of each set, for the heads; all by default")
    parser.add_argument("--seed", type=int, default=PretrainConfig.seed)
    return parser.parse_args()
