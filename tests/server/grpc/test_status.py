from grpc import StatusCode

from server.grpc.status import code_of
from server.http.problems import OPEN_INFERENCE_PROBLEMS


def test_every_problem_but_our_own_faults_has_a_status() -> None:
    unnamed = {status for status, _ in OPEN_INFERENCE_PROBLEMS.values() if code_of(status) is StatusCode.INTERNAL}
    assert unnamed == {500}
