"""Files of weights as other tools write them, brought to torchvision's names or refused."""
