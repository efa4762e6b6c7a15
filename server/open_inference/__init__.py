"""The Open Inference Protocol (V2), whatever it travels over: models, tensors, parameters, answers."""
