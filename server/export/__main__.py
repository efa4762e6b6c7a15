"""The process that makes one export: slower than its server's predictions, and never in their way.

It reads the bundle, writes the file, and prints one line of JSON: an `Outcome`.
"""

import argparse
import sys
from pathlib import Path

import torch

from hosting.processes.parent_death import die_with
from hosting.processes.yielding import yield_processor
from nettailor.bundle.bundle import decode, digest_of
from nettailor.bundle.chain import linked
from nettailor.errors import BundleInvalid
from nettailor.network.backbones import load_backbone
from server.errors import ExportLibraryMissing, ExportUnfaithful
from server.export.export import export_network
from server.export.options import ExportDtype, ExportFormat, ExportOptions
from server.export.outcome import Outcome


def main() -> None:
    args = _parsed()
    die_with(args.parent)
    yield_processor(args.niceness)
    torch.set_num_threads(1)
    sys.stdout.write(_outcome(args).as_json())


def _outcome(args: argparse.Namespace) -> Outcome:
    options = ExportOptions(format=args.format, dtype=args.dtype)
    try:
        backbone = load_backbone(args.backbone, args.weights)
        links = {digest_of(data): data for data in (path.read_bytes() for path in args.stands_on)}
        bundle = linked(decode(args.bundle.read_bytes()), links.get)
        found = export_network(bundle, args.version, backbone, options, args.out)
    except BundleInvalid as failure:
        return Outcome(unusable=str(failure))
    except ExportLibraryMissing as failure:
        return Outcome(missing=failure.library)
    except ExportUnfaithful as failure:
        return Outcome(is_faithful=False, difference=failure.difference, top1_agreement=failure.agreement)
    return Outcome(difference=found.difference, top1_agreement=found.top1_agreement)


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--stands-on", type=Path, nargs="*", default=[], help="the other bundles of its chain")
    parser.add_argument("--version", type=int, required=True)
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--format", type=ExportFormat, required=True)
    parser.add_argument("--dtype", type=ExportDtype, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parent", type=int, required=True, help="the process that this one ends with")
    parser.add_argument("--niceness", type=int, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
