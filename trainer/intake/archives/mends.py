"""What to do about files of data that are not read, by what they are called (`trainer.intake.archives.formats`)."""

from collections.abc import Mapping

_FOLDERS = "write the images out as files, in a folder a class"
_ARRAYS = "np.savez('data.npz', x_train=images, y_train=labels)"
_PICKLE = f"pickles can run code when they are read, and never are here: {_FOLDERS}, or save arrays, {_ARRAYS}"
_PACKED = "unpack it, and pack what it holds as zip"

MENDS: Mapping[str, str] = {
    "pickle": f"{_PICKLE}; of CIFAR take the binary version",
    "PyTorch file": _PICKLE,
    "MATLAB file": f"read it with scipy.io.loadmat (version 7.3 with h5py), and save arrays: {_ARRAYS}",
    "HDF5": f"read it with h5py, and save arrays: {_ARRAYS}",
    "TFRecord": f"{_FOLDERS}, with tf.data.TFRecordDataset and tf.io.parse_single_example",
    "LMDB database": f"{_FOLDERS}, with the program that made it",
    "SQLite database": f"{_FOLDERS}; a table of labels can be a CSV file",
    "RecordIO": f"{_FOLDERS}, with mxnet.recordio.unpack_img",
    "Arrow": "save it as Parquet: datasets.load_from_disk(folder)['train'].to_parquet('train.parquet')",
    "7z archive": _PACKED,
    "RAR archive": _PACKED,
    "bzip2 file": f"{_PACKED}, tar.gz or tar.zst",
    "xz file": f"{_PACKED}, tar.gz or tar.zst",
    "Git LFS pointer instead of the file": "fetch the files themselves: git lfs pull",
}
