"""A replica's own folder."""

import subprocess
import sys
from pathlib import Path

from deploy.ray.folders import own_folder

_HOLDER = """
import sys
from pathlib import Path
from deploy.ray.folders import own_folder
with own_folder(Path(sys.argv[1])) as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_living_owners_have_different_folders_and_a_free_one_is_taken_again(tmp_path: Path) -> None:
    with own_folder(tmp_path / "cache") as first:
        with own_folder(tmp_path / "cache") as second:
            assert first != second
        with own_folder(tmp_path / "cache") as third:
            assert third == second


def test_who_was_killed_leaves_its_folder_to_the_next(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout
        theirs = Path(holder.stdout.readline().strip())
        with own_folder(tmp_path) as ours:
            assert ours != theirs
        holder.kill()
        holder.wait()
    with own_folder(tmp_path) as ours:
        assert ours == theirs
