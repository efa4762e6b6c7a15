"""Tables of milliseconds as `nettailor profile` writes them."""

import json
from pathlib import Path

from nettailor.architecture.geometry import geometry
from nettailor.architecture.plan import full_plan


def write_table(path: Path, *, backbone: str = "mini26", block: float = 1.0, proxy: float = 0.01) -> Path:
    """The stem and each block cost `block`, each proxy `proxy` milliseconds."""
    depth = geometry(backbone).depth
    content = {
        "backbone": backbone,
        "stem": block,
        "blocks": {str(node): block for node in range(1, depth + 1)},
        "proxies": {f"{source}-{node}": proxy for source, node in full_plan(depth, None).proxy_paths()},
    }
    path.write_text(json.dumps(content))
    return path
