"""The Open Inference Protocol over HTTP (REST), under `/v2`."""
