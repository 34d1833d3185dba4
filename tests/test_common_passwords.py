"""Passwords that many people use are refused, wherever one is chosen."""

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from app import common_passwords
from app.common_passwords import is_common
from app.config import InvalidSettings, load_settings
from app.extensions import db
from app.passwords import is_right
from app.prepare import check_rules
from app.users.links import invitation
from app.users.rules import password
from tests.people import PASSWORD, Browser
from tests.users.saved import add, change, saved

SENTENCE = "Choose another password: too many people use this one"
LONG_ENOUGH = [each for each in FREQUENCY_LISTS["passwords"] if len(each) >= 8]


def test_the_three_thousand_commonest_are_refused_however_they_are_spelled() -> None:
    assert len(LONG_ENOUGH) >= 3_000
    for common in LONG_ENOUGH[:3_000]:
        for spelling in (common, common.upper(), common.capitalize()):
            with pytest.raises(ValueError, match="too many people"):
                password(spelling)


@pytest.mark.parametrize("value", [PASSWORD, "password of mine", "q8-Zk_w3_pLx", "12345678 lilacs"])
def test_what_only_contains_a_common_one_is_taken(value: str) -> None:
    assert password(value) == value


def test_many_who_ask_at_once_read_the_list_once(monkeypatch: pytest.MonkeyPatch) -> None:
    common_passwords._common.cache_clear()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(is_common, ["iloveyou1", "password"] * 20))

    assert answers.count(True) >= 20
    assert common_passwords._common.cache_info().misses == 1
    assert not [name for name in sys.modules if name.endswith("_frequency_lists")]


@pytest.mark.parametrize("common", ["password1", "PASSWORD", "1q2w3e4r5t"])
def test_bob_cannot_change_to_a_common_one(app: Flask, bob: Browser, common: str) -> None:
    before = saved(app, "bob").password_hash

    answer = bob.post("/security/password", {"current_password": PASSWORD, "new_password": common})

    assert answer.status_code == 422
    assert SENTENCE in answer.text
    assert saved(app, "bob").password_hash == before


def test_a_guest_cannot_choose_a_common_one_nor_their_own_name(
    app: Flask, stranger: Browser
) -> None:
    add(app, "dora", password_hash=None, email="dora.dodo@example.com")
    refused = {
        "Iloveyou1": SENTENCE,
        "lilac Dora vase": "does not contain your username",
    }
    with app.test_request_context():
        link = f"/welcome/{invitation(saved(app, 'dora'))}"
        db.session.commit()

    for chosen, sentence in refused.items():
        answer = stranger.post(link, {"password": chosen})
        assert (answer.status_code, sentence in answer.text) == (422, True)

    assert saved(app, "dora").password_hash is None


def test_the_mailbox_is_kept_out_of_the_password_too(app: Flask, bob: Browser) -> None:
    change(app, "bob", email="lilac.vase@example.com")
    fields = {"current_password": PASSWORD, "new_password": "my Lilac.Vase 9"}

    answer = bob.post("/security/password", fields)

    assert answer.status_code == 422
    assert "does not contain your email address" in answer.text


@pytest.mark.parametrize("letter", ["a", "é", "🔑", " "])
def test_128_characters_of_any_kind_are_kept_to_the_last(
    app: Flask, bob: Browser, letter: str
) -> None:
    chosen = "." + letter * 126 + "!"
    fields = {"current_password": PASSWORD, "new_password": chosen}

    too_long = bob.post("/security/password", {**fields, "new_password": chosen + "!"})
    answer = bob.post("/security/password", fields)

    assert (too_long.status_code, answer.status_code) == (422, 303)
    encoded = saved(app, "bob").password_hash
    assert is_right(encoded, chosen)
    assert not is_right(encoded, chosen[:-1] + "?")


def test_the_command_for_admins_follows_the_same_rule(app: Flask) -> None:
    arguments = ["create-admin", "--username", "dora", "--email", "dora@example.com"]

    refused = app.test_cli_runner().invoke(args=[*arguments, "--password", "Password1"])
    made = app.test_cli_runner().invoke(args=arguments)

    assert refused.exit_code != 0
    assert "too many people use this one" in refused.output
    assert made.exit_code == 0
    assert password(made.output.split()[-1])


def test_the_first_admin_has_no_common_password(tmp_path: Any) -> None:
    common = load_settings(
        _env_file=None, secret_key="x" * 40, data_dir=tmp_path, admin_password="password1"
    )

    with pytest.raises(InvalidSettings, match=r"ADMIN_PASSWORD .* too many people"):
        check_rules(common)
