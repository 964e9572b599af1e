"""What is read from libpq's trace of a handshake, and the keys that follow from it."""

import base64
import hashlib
import hmac

import pytest

from tenantry.postgres.scram import _HANDSHAKES, _MOST_TRACES, Challenge, _Keys, parse_challenge

START = '2026-11-28 13:31:23.562064\tF\t34\tStartupMessage\t 3 0 "user" "a" "database" "postgres"\n'
CHALLENGE = (
    "2026-11-28 13:31:23.601198\tB\t92\tAuthenticationSASLContinue\t "
    "'r=XQ4UgylIgRmAF7au8GxtZVHzB1OzWCnjwSu512EAQVVP1VXb,s=MyfJonPV6rL34VoaW+5/iw==,i=4096'\n"
)
REST = "2026-11-28 13:31:23.620877\tB\t5\tReadyForQuery\t I\n"


def test_trace() -> None:
    """Salt and iterations are in the server's first message."""
    salt = bytes.fromhex("3327c9a273d5eab2f7e15a1a5bee7f8b")
    assert parse_challenge(START + CHALLENGE + REST) == Challenge(salt, 4096)


@pytest.mark.parametrize(
    ("shown", "otherwise"),
    [
        ("AuthenticationSASLContinue", "AuthenticationMD5Password"),
        ("\t 'r=", " 'r="),
        ("'r=", "'m=1,r="),
        ("i=4096'", "i=4096,x=1'"),
        ("i=4096", "i=0x10"),
        ("i=4096", "i=0"),
        ("i=4096", "i=99999999999"),
        ("iw==", "iw="),
        ("iw==", "i\\xff=="),
        ("'\n", "\n"),
    ],
)
def test_reads_otherwise(shown: str, otherwise: str) -> None:
    """A trace with no challenge, or one that reads in another way, gives no keys."""
    assert parse_challenge(START + CHALLENGE.replace(shown, otherwise) + REST) is None


def test_empty() -> None:
    """Nor does an empty trace."""
    assert parse_challenge("") is None


def test_published_example() -> None:
    """The keys are those of RFC 7677, 3: they make the proof and the signature printed there."""
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    keys = Challenge(salt, 4096).derive(b"pencil")
    client, server = (base64.b64decode(word.partition("=")[2]) for word in keys.split())
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    message = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}".encode()
    signature = hmac.digest(hashlib.sha256(client).digest(), message, "sha256")
    proof = bytes(one ^ other for one, other in zip(client, signature, strict=True))
    assert base64.b64encode(proof) == b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    assert base64.b64encode(hmac.digest(server, message, "sha256")) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


class TestKeys:
    def test_shown_nowhere(self) -> None:
        """Password and keys are in no repr."""
        keys = _Keys(b"pencil", seen=[Challenge(b"salt", 1)] * _HANDSHAKES)
        words = [word.partition("=")[2] for word in keys.take().split()]
        assert not [word for word in ("pencil", *words) if word in repr(keys)]
        assert len(words) == 2

    def test_derived_by_one(self) -> None:
        """Who comes while another thread derives connects with the password."""
        keys = _Keys(b"pencil", seen=[Challenge(b"salt", 1)] * _HANDSHAKES)
        next(keys.turns)
        assert keys.take() == ""

    def test_never_the_same_salt(self) -> None:
        """A handshake that differs, however late its trace comes, ends the use of keys."""
        keys = _Keys(b"pencil", seen=[Challenge(b"salt", 1)] * _HANDSHAKES)
        assert keys.take()
        keys.seen.append(Challenge(b"other", 1))
        assert keys.take() == ""

    def test_bounded(self) -> None:
        """Handshakes that all fail are not traced for ever."""
        keys = _Keys(b"pencil")
        assert [keys.begin_trace() for _ in range(_MOST_TRACES + 2)] == [True] * _MOST_TRACES + [False] * 2
