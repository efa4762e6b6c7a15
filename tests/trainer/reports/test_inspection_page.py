"""The page on an upload that was only looked at."""

import base64
import io
import re
from pathlib import Path

from PIL import Image

from tests.trainer import archives
from trainer.intake.archives.limits import IntakeLimits
from trainer.reports.inspection_page import inspect_with_page

HOSTILE = "<img src=x onerror=alert(1)>"


def page_on(folder: Path, files: archives.Files) -> str:
    (folder / "upload").write_bytes(archives.zip_of(files))
    inspection, page = inspect_with_page(folder / "upload", IntakeLimits(), progress=lambda files: None)
    assert inspection.error is None or inspection.error in page
    return page


def flat(red: int, blue: int) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (8, 8), (red, 0, blue)).save(target, "PNG")
    return target.getvalue()


def test_it_shows_pictures_of_each_class_and_trusts_nobody(tmp_path: Path) -> None:
    reds = {f"a/{number}.png": flat(200 + number, 0) for number in range(8)}
    blues = {f"{HOSTILE}/{number}.png": flat(0, 200 + number) for number in range(8)}
    page = page_on(tmp_path, {**reds, **blues, "notes.md": b"x"})
    assert HOSTILE not in page
    assert "read as: <b>class folders</b>" in page
    assert "notes.md" in page
    (encoded,) = re.findall(r"data:image/jpeg;base64,([^\"]+)", page)
    sheet = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")
    first, second = sheet.getpixel((30, 60)), sheet.getpixel((30, sheet.height // 2 + 60))
    assert isinstance(first, tuple)
    assert isinstance(second, tuple)
    assert first[2] > 150 > first[0]  # "<" comes before "a"
    assert second[0] > 150 > second[2]


def test_where_nothing_is_understood_it_says_so(tmp_path: Path) -> None:
    page = page_on(tmp_path, {"train/1.jpg": archives.picture(1), "test/2.jpg": archives.picture(2)})
    assert "<b>error</b>" in page
    assert "data:image" not in page
