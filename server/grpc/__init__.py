"""The Open Inference Protocol over gRPC (extra `grpc`)."""
