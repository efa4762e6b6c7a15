import pytest
import torch
from torch import Tensor

from nettailor.architecture.plan import full_plan
from nettailor.network.backbones import build_backbone
from nettailor.network.student import Student
from tests.trainer.tiny import PREPROCESSING, coloured
from trainer.training.data import evaluation_batches
from trainer.training.images import LabelledImages
from trainer.training.int8 import calibrated, images_looked_at


def student_of() -> Student:
    torch.manual_seed(0)
    return Student(build_backbone("mini26"), plan=full_plan(12, 1), classes=3, statistics="task").eval()


@torch.inference_mode()
def answers(student: Student, images: LabelledImages) -> Tensor:
    return torch.cat([student(x).argmax(1) for x, _ in evaluation_batches(images, PREPROCESSING)])


def test_what_int8_costs_is_counted_on_either_split() -> None:
    student, val, test = student_of(), coloured(12, 3, 1), coloured(9, 3, 2)
    seen: list[tuple[Student, int]] = []

    def scripted(network: Student, images: LabelledImages) -> Tensor:
        """The student is always right, the copy takes each first image of a split for another class."""
        seen.append((network, len(images)))
        found = images.labels.clone()
        if network is not student:
            found[0] += 1
        return found

    costs = calibrated(student, val, test, PREPROCESSING, scripted).costs
    assert costs is not None
    assert costs.validation is not None
    assert costs.test is not None
    assert (costs.validation.images, costs.test.images) == (12, 9)
    assert costs.validation.lost == pytest.approx(1 / 12)
    assert costs.test.same == pytest.approx(8 / 9)
    assert [images for _, images in seen] == [12, 12, 9, 9]


def test_without_test_images_nothing_is_said_of_them() -> None:
    images = coloured(6, 3, 1)
    costs = calibrated(student_of(), images, images.rows(torch.arange(0)), PREPROCESSING, answers).costs
    assert costs is not None
    assert costs.test is None


def test_the_same_student_is_always_calibrated_alike() -> None:
    images = coloured(6, 3, 1)
    one, other = (calibrated(student_of(), images, images, PREPROCESSING, answers) for _ in range(2))
    assert one.costs == other.costs
    assert all((one.tensors[name] == other.tensors[name]).all() for name in one.tensors)


def test_calibration_looks_at_no_more_images_than_it_needs() -> None:
    assert images_looked_at(100, 50) == 100 + 2 * 150
    assert images_looked_at(2000, 0) == 512 + 2000 + 1024


def test_of_many_images_some_from_all_over_the_split_are_measured() -> None:
    student, val, test = student_of(), coloured(6, 3, 1), coloured(9, 3, 2)
    many = test.rows(torch.arange(3000) // 1000 * 3)  # of three different ones

    def right_about_the_last(network: Student, images: LabelledImages) -> Tensor:
        return images.labels + (images.places < 6).long() * int(network is not student)

    cost = calibrated(student, val, many, PREPROCESSING, right_about_the_last).costs
    assert cost is not None
    assert cost.test is not None
    assert cost.test.images == 1024
    assert cost.test.same == pytest.approx(1 / 3, abs=0.002)


def test_ranges_alone_ask_for_no_answers() -> None:
    def nobody(network: Student, images: LabelledImages) -> Tensor:
        raise AssertionError

    images = coloured(6, 3, 1)
    found = calibrated(student_of(), images, images, PREPROCESSING, nobody, measured=False)
    assert found.costs is None
    assert found.tensors
