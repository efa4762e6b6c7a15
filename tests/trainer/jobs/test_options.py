"""Options of an upload: bounds, what this installation cannot do, and their way into the recipe."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nettailor.bundle.bundle import encode
from nettailor.bundle.manifest import Method
from tests.backbones import random_backbone_file
from tests.bundles import random_bundle, tiny_bytes
from tests.chains import link_bytes
from tests.trainer import archives
from tests.trainer.tables import write_table
from trainer.errors import OptionsInvalid
from trainer.jobs.option_checks import BackboneChoice, backbone_of
from trainer.jobs.options import TailorOptions, parse_options
from trainer.recipe.config import RecipeConfig
from trainer.service import Service
from trainer.settings import Settings
from trainer.workers.recipe_options import recipe_config_of

GOOD = archives.zip_of(archives.class_folders())
ALL: dict[str, Any] = {
    "preset": "fast",
    "seed": 3,
    "backbone": "mini26",
    "skips": "5",
    "gamma1": 0.1,
    "gamma2": 4.0,
    "loss": "paper",
    "measure": "params",
    "max_macs": 0.5,
    "max_minutes": 2.5,
    "group_by": r"(\w+)_frame",
}


def upload(http: httpx.Client, **options: Any) -> httpx.Response:
    return http.post("/tasks/pets/dataset", params=options, content=GOOD)


def test_what_is_asked_is_kept_with_the_job_and_nothing_else(http: httpx.Client) -> None:
    assert upload(http).json()["options"] == {"preset": "balanced", "seed": 0}
    answer = upload(http, **ALL)
    assert (answer.status_code, answer.json()["options"]) == (202, ALL)


def test_nothing_asked_is_the_preset(settings: Settings) -> None:
    assert recipe_config_of(TailorOptions(), settings) == RecipeConfig()
    assert set(RecipeConfig().as_json()).isdisjoint({"max_macs", "max_latency_ms", "latency_table", "max_minutes"})


def test_everything_asked_reaches_the_recipe(settings: Settings, tmp_path: Path) -> None:
    table = write_table(tmp_path / "costs.json")
    settings = settings.model_copy(update={"cost_table": table})
    config = recipe_config_of(parse_options({**ALL, "max_latency_ms": 7.0}), settings)
    assert (config.skips, config.gamma1, config.gamma2, config.measure) == (5, 0.1, 4.0, "params")
    assert config.loss == "paper"
    assert (config.max_macs, config.max_latency_ms, config.max_minutes) == (0.5, 7.0, 2.5)
    assert (config.cost_table, config.latency_table) == (None, table)
    assert config.as_json()["latency_table"] == "costs.json"
    assert recipe_config_of(parse_options({"skips": "dense", "target_drop": 0.02}), settings).skips is None
    assert recipe_config_of(parse_options({"measure": "milliseconds"}), settings).cost_table == table
    assert recipe_config_of(parse_options({"skips": 1}), settings).skips == 1


@pytest.mark.parametrize("method", sorted(set(get_args(Method)) - {"packnet"}))
def test_the_method_reaches_the_recipe(http: httpx.Client, settings: Settings, method: str) -> None:
    assert upload(http, method=method).json()["options"] == {"preset": "balanced", "seed": 0, "method": method}
    assert recipe_config_of(parse_options({"method": method}), settings).method == method


def test_an_unknown_method_is_refused_with_those_that_are_known(http: httpx.Client) -> None:
    detail = upload(http, method="guesswork").json()["detail"]
    assert all(method in detail for method in get_args(Method))


def test_packnet_needs_a_pruned_backbone_and_reaches_the_recipe(http: httpx.Client, service: Service) -> None:
    problem = upload(http, method="packnet").json()
    assert (problem["status"], problem["type"]) == (422, "urn:nettailor:problem:backbone-not-pruned")
    assert "python -m trainer.pretrain --prune" in problem["detail"]
    ours = service.registry.add_backbone("ours", random_backbone_file(), actor="ada")
    first = link_bytes("pets", fingerprint=ours.fingerprint)
    service.registry.publish("pets", first, actor="ada")
    service.registry.publish("birds", link_bytes("birds"), actor="ada")
    service.registry.publish("signs", tiny_bytes(), actor="ada")
    options = {"method": "packnet", "backbone": "ours", "after": "pets@1"}
    assert upload(http, **options).json()["options"] == {"preset": "balanced", "seed": 0, **options}
    assert recipe_config_of(parse_options(options), service.settings).method == "packnet"
    for after in ("none", "pets@1"):
        assert upload(http, **options | {"after": after}).status_code == 202
    for changed, name, reason in (
        ({"after": "pets"}, "after", "no alias 'live'"),
        ({"after": "cats@1"}, "after", "no task 'cats'"),
        ({"after": "pets@7"}, "after", "no version 7"),
        ({"after": "signs@1"}, "after", "is of method nettailor"),
        ({"after": "birds@1"}, "after", "is of other weights (000000000000) than ours"),
        ({"method": "features"}, "after", "with method packnet alone"),
        ({"warm_start": "1"}, "warm_start", "fills weights that are 0"),
        ({"max_macs": 0.5}, "max_macs", "no meaning with method packnet"),
    ):
        detail = upload(http, **options | changed).json()["detail"]
        assert detail.startswith(f"option {name}: "), detail
        assert reason in detail


BAD: list[Mapping[str, Any]] = [
    {"method": "guesswork"},
    {"skips": 2},
    {"gamma1": -0.1},
    {"gamma2": 1e9},
    {"gamma1": "nan"},
    {"measure": "watts"},
    {"loss": "other"},
    {"target_drop": 0.6},
    {"max_macs": 0},
    {"max_latency_ms": "inf"},
    {"max_minutes": 0},
    {"warm_start": "0"},
    {"warm_start": "best"},
    {"after": "Pets"},
    {"after": "pets@0"},
    {"backbone": "x" * 65},
    {"group_by": "x" * 201},
    {"seed": -1},
]


@pytest.mark.parametrize("options", BAD, ids=str)
def test_values_out_of_bounds_are_refused_by_name(http: httpx.Client, options: Mapping[str, Any]) -> None:
    (name,) = options
    answer = upload(http, **options)
    assert (answer.status_code, name in answer.json()["detail"]) == (422, True)
    with pytest.raises(OptionsInvalid, match=name) as fault:
        parse_options(options)
    assert fault.value.option == name


def test_what_cannot_be_done_here_is_refused_by_name(http: httpx.Client, service: Service, tmp_path: Path) -> None:
    service.registry.publish("pets", tiny_bytes(task="pets"), actor="ada")
    service.registry.publish("pets", encode(*random_bundle(task="pets", method="finetuning")), actor="ada")
    cases: list[tuple[Mapping[str, Any], str, str]] = [
        ({"backbone": "resnet999"}, "backbone", "unknown backbone"),
        ({"backbone": "wide_resnet26"}, "backbone", "there are those of resnet18, resnet34, resnet50, mini26"),
        ({"measure": "milliseconds"}, "measure", "NETTAILOR_COST_TABLE"),
        ({"max_latency_ms": 3}, "max_latency_ms", "NETTAILOR_COST_TABLE"),
        ({"max_macs": 0.5, "target_drop": 0.01}, "target_drop", "not together"),
        ({"method": "features", "skips": 3}, "skips", "no meaning with method features"),
        ({"method": "dan", "max_macs": 0.5}, "max_macs", "no meaning with method dan"),
        ({"method": "finetuning", "max_minutes": 3}, "max_minutes", "no meaning with method finetuning"),
        ({"method": "features", "warm_start": "1"}, "warm_start", "it ends the same"),
        ({"method": "dan", "warm_start": "1"}, "warm_start", "from which method dan cannot start"),
        ({"group_by": "(a"}, "group_by", "missing )"),
        ({"warm_start": "2"}, "warm_start", "version 2 is of method finetuning"),
        ({"warm_start": "7"}, "warm_start", "7"),
        ({"warm_start": "live"}, "warm_start", "live"),
        ({"warm_start": "1", "backbone": "resnet18"}, "warm_start", "mini26"),
    ]
    for options, name, reason in cases:
        problem = upload(http, **options).json()
        assert problem["status"] == 422, options
        assert problem["type"] == "urn:nettailor:problem:options-invalid"
        assert problem["detail"].startswith(f"option {name}: "), problem
        assert reason in problem["detail"]
    assert http.get("/jobs").json() == []
    assert upload(http, warm_start=1).status_code == 202
    assert upload(http, backbone="resnet18").status_code == 202


def test_a_table_is_of_one_backbone(http: httpx.Client, service: Service, tmp_path: Path) -> None:
    object.__setattr__(service.settings, "cost_table", write_table(tmp_path / "costs.json"))
    assert upload(http, measure="milliseconds", max_latency_ms=3).status_code == 202
    for options in ({"backbone": "resnet18"}, {"backbone": "resnet18", "measure": "milliseconds"}):
        problem = upload(http, **options).json()
        assert problem["status"] == 422
        assert "measured for backbone 'mini26'" in problem["detail"]
    assert upload(http, backbone="resnet18", measure="macs").status_code == 202


def test_a_local_weights_file_is_the_services_own_backbones(
    settings: Settings, service: Service, tmp_path: Path
) -> None:
    weights = tmp_path / "weights.safetensors"
    settings = settings.model_copy(update={"backbone_weights": weights})
    chosen = backbone_of(TailorOptions(), settings, service.registry)
    assert chosen == BackboneChoice(architecture="mini26", weights=weights)
    chosen = backbone_of(TailorOptions(backbone="resnet18"), settings, service.registry)
    assert chosen == BackboneChoice(architecture="resnet18")


def test_a_backbone_of_the_registry_is_chosen_by_its_name(http: httpx.Client, service: Service) -> None:
    added = service.registry.add_backbone("ours", random_backbone_file(), actor="ada")
    assert upload(http, backbone="ours").json()["options"]["backbone"] == "ours"
    chosen = backbone_of(TailorOptions(backbone="ours"), service.settings, service.registry)
    assert chosen == BackboneChoice(architecture="mini26", stored=added)
    known = "resnet18, resnet34, resnet50, wide_resnet26, mini26, mini26b, ours"
    assert f"known: {known}" in upload(http, backbone="x").text
    refused = upload(http, backbone="ours", method="lwf").json()["detail"]
    assert refused.startswith("option method: lwf needs the classifier that backbone ours was trained with")
    service.registry.publish("pets", tiny_bytes(task="pets"), actor="ada")
    problem = upload(http, backbone="ours", warm_start=1).json()
    assert problem["detail"] == "option warm_start: version 1 is of other weights (000000000000) than ours"


@given(
    st.dictionaries(
        st.sampled_from([*TailorOptions.model_fields, "x"]), st.text("0123456789.-einfalvdsx", max_size=8) | st.floats()
    )
)
def test_options_are_valid_or_refused_with_a_typed_error(options: dict[str, Any]) -> None:
    try:
        found = parse_options(options)
    except OptionsInvalid:
        return
    assert parse_options(found.to_json()) == found
