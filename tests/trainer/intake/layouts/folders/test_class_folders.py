"""Which folders are wrappers, splits and classes."""

import pytest

from trainer.intake.layouts.folders.class_folders import FolderShape, read_shape


@pytest.mark.parametrize(
    ("paths", "shape"),
    [
        (["cats/1.png", "dogs/1.png"], FolderShape(prefix=0, has_splits=False)),
        (["set/cats/1.png", "set/dogs/1.png"], FolderShape(prefix=1, has_splits=False)),
        (["a/b/cats/1.png", "a/b/dogs/1.png", "a/stray.png"], FolderShape(prefix=2, has_splits=False)),
        (["train/cats/1.png", "valid/cats/2.png"], FolderShape(prefix=0, has_splits=True)),
        (["s/Training/cats/1.png", "s/Testing/dogs/2.png"], FolderShape(prefix=1, has_splits=True)),
        (["train/1.png", "plane/1.png"], FolderShape(prefix=0, has_splits=False)),
        (["train/1.png", "test/1.png"], FolderShape(prefix=0, has_splits=False)),
        (["train/cats/1.png", "train/dogs/1.png"], FolderShape(prefix=0, has_splits=True)),
        (["cats/1.png"], FolderShape(prefix=0, has_splits=False)),
        (["cats/black/1.png", "dogs/brown/1.png"], FolderShape(prefix=0, has_splits=False)),
        ([], FolderShape(prefix=0, has_splits=False)),
    ],
)
def test_shapes(paths: list[str], shape: FolderShape) -> None:
    assert read_shape([tuple(path.split("/")) for path in paths]) == shape
