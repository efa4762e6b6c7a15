"""What is true of the Open Inference Protocol over HTTP is true behind two fronts."""

import pytest

from server.settings import ServerSettings
from tests.server.http.open_inference.test_handlers import (
    client,
    test_health_and_names,
    test_names_and_versions,
    test_outputs_are_binary_or_json_as_each_is_asked_for,
    test_pixels_as_json_and_as_binary_data_are_answered_as_the_file_is,
    test_requests_and_answers_are_packed_as_the_client_says,
    test_statistics_of_one_version_of_a_model_and_of_all,
    test_the_exact_bytes_of_a_binary_request_and_its_answer,
    test_the_exact_bytes_of_an_error,
    test_the_repository_is_listed_loaded_and_unloaded,
    test_what_goes_wrong_is_json_with_an_error,
    test_what_is_no_image_and_what_comes_too_late_is_said,
    test_what_stands_before_the_routes_answers_with_json_as_well,
)

__all__ = [
    "client",
    "test_health_and_names",
    "test_names_and_versions",
    "test_outputs_are_binary_or_json_as_each_is_asked_for",
    "test_pixels_as_json_and_as_binary_data_are_answered_as_the_file_is",
    "test_requests_and_answers_are_packed_as_the_client_says",
    "test_statistics_of_one_version_of_a_model_and_of_all",
    "test_the_exact_bytes_of_a_binary_request_and_its_answer",
    "test_the_exact_bytes_of_an_error",
    "test_the_repository_is_listed_loaded_and_unloaded",
    "test_what_goes_wrong_is_json_with_an_error",
    "test_what_is_no_image_and_what_comes_too_late_is_said",
    "test_what_stands_before_the_routes_answers_with_json_as_well",
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ServerSettings:
    folder = tmp_path_factory.mktemp("data")
    return ServerSettings(data_dir=folder, device="cpu", max_wait_ms=1, max_body_bytes=2**20, max_images=8, fronts=2)
