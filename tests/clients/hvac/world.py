"""The server under test: initialized and unsealed through hvac itself, once for all tests."""

import itertools
import os
import time

import hvac

ADDRESS = os.environ["VAULT_ADDR"]
CERTIFICATE = os.environ["VAULT_CACERT"]
NUMBERS = itertools.count(1)


def client(token=None):
    return hvac.Client(url=ADDRESS, token=token, verify=CERTIFICATE, timeout=60)


def open_up():
    nobody = client()
    assert not nobody.sys.is_initialized()
    assert nobody.sys.read_health_status(method="GET").status_code == 501
    made = nobody.sys.initialize(secret_shares=5, secret_threshold=3)
    assert len(made["keys"]) == len(made["keys_base64"]) == 5
    assert nobody.sys.is_initialized() and nobody.sys.is_sealed()
    status = nobody.sys.submit_unseal_keys(made["keys"][:3])
    assert not status["sealed"]
    return made["root_token"], made["keys_base64"]


TOKEN, SHARES = open_up()


def root():
    return client(TOKEN)


def fresh(name):
    """A name that no other test has."""
    return f"{name}-{next(NUMBERS)}"


def with_policy(text, **options):
    """A client whose token has that policy alone, beside default."""
    name = fresh("policy")
    root().sys.create_or_update_policy(name, text)
    made = root().auth.token.create(policies=[name], **options)
    return client(made["auth"]["client_token"])


def eventually(holds, seconds=30):
    """Waits until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it does not come to hold"
        time.sleep(0.05)
