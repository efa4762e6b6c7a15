"""Parquet files of strangers, where pyarrow is installed (the extra ``parquet``)."""
