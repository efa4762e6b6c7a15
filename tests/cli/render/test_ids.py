from cli.render.ids import short_digest, short_jobs


def test_ids_are_as_long_as_it_takes_to_tell_them_apart() -> None:
    assert short_jobs(["a" * 32, "b" * 32]) == {"a" * 32: "a" * 8, "b" * 32: "b" * 8}
    alike = ["0123456789" + letter * 22 for letter in "ab"]
    assert [short_jobs(alike)[each] for each in alike] == ["0123456789a", "0123456789b"]
    assert short_jobs(["j", "j"]) == {"j": "j"}


def test_digests_are_short_and_without_their_algorithm() -> None:
    assert short_digest("sha256:" + "0123456789abcdef" * 4) == "0123456789ab"
