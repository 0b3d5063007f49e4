from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.adapters.nylas.signature import matching_secret, sign

# The platform's facts, appendix A: worked out by another implementation.
BODY = (
    b'{"specversion":"1.0","type":"message.bounced","source":"/nylas/send","id":"wh-evt-0001","time":1723821985,'
    b'"webhook_delivery_attempt":1,"data":{"application_id":"app-1","grant_id":"grant-1","object":{"message":'
    b'{"id":"msg-1","subject":"Hi","from":"agent@agents.example.com","to":["a@example.org"],"sent_at":1723821900},'
    b'"bounce":{"bounced_at":1723821980,"type":"General","recipients":[{"email":"a@example.org",'
    b'"diagnostic_code":"smtp; 550 5.1.1 user unknown"}]}}}}'
)
SECRET = "41dD3-nXTUfebYuk81Gr"
SIGNATURE = "b2e06476895d3ea49510b058cccbc1ae68a154a9a95defa99915c7db12ab80c3"


def test_a_known_body_has_the_known_signature() -> None:
    assert len(BODY) == 461
    assert sign(BODY, SECRET) == SIGNATURE
    assert matching_secret(BODY, SIGNATURE, ["other", SECRET]) == SECRET


@pytest.mark.parametrize(
    "written", [SIGNATURE, SIGNATURE.upper(), f"sha256={SIGNATURE}", f"SHA256={SIGNATURE.upper()}", f" {SIGNATURE} "]
)
def test_a_signature_may_be_written_as_the_platforms_own_tools_write_it(written: str) -> None:
    assert matching_secret(BODY, written, [SECRET]) == SECRET


@pytest.mark.parametrize(
    "written",
    [None, "", " ", "sha256=", SIGNATURE[:-1], SIGNATURE + "0", f"sha512={SIGNATURE}", "é" * 64, "\x00", "sha256"],
)
def test_nothing_else_is_a_signature(written: str | None) -> None:
    assert matching_secret(BODY, written, [SECRET]) is None


def test_a_rotated_secret_kills_the_old_one_at_once() -> None:
    assert matching_secret(BODY, SIGNATURE, ["the-new-one"]) is None


def test_an_empty_secret_signs_nothing() -> None:
    assert matching_secret(BODY, sign(BODY, ""), ["", SECRET]) is None


@given(st.binary(max_size=200), st.text(max_size=80), st.text(min_size=1, max_size=40))
def test_no_guess_is_a_signature(body: bytes, guess: str, secret: str) -> None:
    assert matching_secret(body, guess, [secret]) is None or guess.strip().lower().removeprefix("sha256=") == sign(
        body, secret
    )


@given(st.binary(max_size=200), st.text(min_size=1, max_size=40))
def test_every_body_that_was_signed_is_known(body: bytes, secret: str) -> None:
    assert matching_secret(body, sign(body, secret), ["another", secret]) == secret
    assert matching_secret(body + b" ", sign(body, secret), [secret]) is None
