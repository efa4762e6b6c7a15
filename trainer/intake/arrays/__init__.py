"""Arrays of numbers as people save them: NumPy's files and the IDX files of MNIST."""
