import torch

from nettailor.network.backbones import backbone_of, load_backbone, uncut_network
from nettailor.network.stored_backbone import stored_backbone, stored_bytes
from nettailor.network.weights.heads import heads_in


def test_the_shipped_backbone_has_a_head_for_each_set_that_it_was_trained_on() -> None:
    backbone = load_backbone("mini26")
    assert [(head.in_features, head.out_features) for head in backbone.old_heads] == [(128, 100), (128, 100)]


def test_torchvision_s_classifier_is_an_old_head_and_no_part_of_the_backbone() -> None:
    network = uncut_network("resnet18")
    backbone = backbone_of("resnet18", "a test", network.state_dict())
    (head,) = backbone.old_heads
    assert torch.equal(head.weight, network.state_dict()["fc.weight"])
    bare = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("fc.")}
    assert backbone_of("resnet18", "a test", bare).old_heads == ()
    assert backbone_of("resnet18", "a test", bare).fingerprint() == backbone.fingerprint()
    assert stored_backbone(stored_bytes(backbone), "a test").old_heads == ()


def test_a_classifier_of_other_features_is_none() -> None:
    document = {"fc.weight": torch.zeros(10, 512), "fc.bias": torch.zeros(10)}
    assert heads_in(document, 128) == ()
    assert heads_in({**document, "fc.bias": torch.zeros(9)}, 512) == ()
    assert len(heads_in(document, 512)) == 1
