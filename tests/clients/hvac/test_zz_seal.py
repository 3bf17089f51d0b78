"""Last, as it seals the server and changes its shares."""

import base64
import unittest

from hvac.exceptions import InvalidRequest, VaultDown

import world
from world import client, fresh, root


def unseal(shares):
    return client().sys.submit_unseal_keys(shares[:3])


class Seal(unittest.TestCase):
    def test_sealing(self):
        sys = client().sys
        root().sys.seal()
        self.assertTrue(sys.is_sealed())
        self.assertEqual(sys.read_health_status(method="GET").status_code, 503)
        self.assertEqual(sys.read_health_status(method="HEAD").status_code, 503)
        self.assertEqual(
            sys.read_health_status(method="GET", sealed_code=299).status_code, 299
        )
        with self.assertRaises(VaultDown):
            root().sys.list_mounted_secrets_engines()
        self.assertEqual(sys.submit_unseal_key(world.SHARES[0])["progress"], 1)
        self.assertEqual(sys.submit_unseal_key(reset=True)["progress"], 0)
        with self.assertRaises(InvalidRequest):
            sys.submit_unseal_key("no share")
        self.assertFalse(unseal(world.SHARES)["sealed"])
        health = sys.read_health_status(method="GET")
        self.assertEqual((health["initialized"], health["sealed"]), (True, False))
        self.assertEqual(sys.read_health_status(method="HEAD").status_code, 200)
        status = client().seal_status
        shares = (status["type"], status["t"], status["n"])
        self.assertEqual(shares, ("shamir", 3, len(world.SHARES)))
        self.assertFalse(client().ha_status["ha_enabled"])
        self.assertIn("is_self", sys.read_leader_status())

    def test_keys(self):
        term = root().key_status["term"]
        root().sys.rotate_encryption_key()
        self.assertEqual(root().sys.get_encryption_key_status()["data"]["term"], term + 1)

    def test_rekey(self):
        sys = root().sys
        self.assertFalse(root().rekey_status["started"])
        sys.start_rekey(5, 3)
        sys.cancel_rekey()
        started = sys.start_rekey(4, 3, require_verification=True)
        self.assertEqual((started["n"], started["verification_required"]), (4, True))
        made = sys.rekey_multi(world.SHARES[:3], nonce=started["nonce"])
        self.assertTrue(made["complete"])
        nonce = made["verification_nonce"]
        self.assertEqual(sys.read_rekey_verify_progress()["progress"], 0)
        verified = sys.rekey_verify_multi(made["keys"][:3], nonce=nonce)
        self.assertTrue(verified["complete"])
        world.SHARES = made["keys"]
        root().sys.seal()
        self.assertFalse(unseal(world.SHARES)["sealed"])

    def test_generating_a_root_token(self):
        sys = client().sys
        self.assertFalse(client().generate_root_status["started"])
        started = sys.start_root_token_generation()
        otp, nonce = started["otp"], started["nonce"]
        sys.cancel_root_generation()
        started = sys.start_root_token_generation(otp=otp)
        for share in world.SHARES[:3]:
            made = sys.generate_root(share, started["nonce"])
        self.assertTrue(made["complete"])
        self.assertNotEqual(nonce, started["nonce"])
        encoded = made["encoded_token"]
        masked = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
        token = bytes(a ^ b for a, b in zip(masked, otp.encode())).decode()
        self.assertEqual(client(token).auth.token.lookup_self()["data"]["policies"], ["root"])
        root().auth.token.revoke(token)


class Snapshots(unittest.TestCase):
    def test_taking_and_restoring(self):
        kv, mount = root().secrets.kv.v1, fresh("snap")
        root().sys.enable_secrets_engine("kv", path=mount)
        kv.create_or_update_secret("a", {"n": "before"}, mount_point=mount)
        taken = root().sys.take_raft_snapshot()
        self.assertEqual(taken.status_code, 200)
        content = taken.content
        kv.create_or_update_secret("a", {"n": "after"}, mount_point=mount)
        for restore in (root().sys.restore_raft_snapshot, root().sys.force_restore_raft_snapshot):
            # An answer with a warning, which names the snapshot that was kept before.
            kept = restore(content)["warnings"]
            self.assertIn("before-restore.snap", kept[0])
            if client().sys.is_sealed():
                unseal(world.SHARES)
            self.assertEqual(kv.read_secret("a", mount)["data"], {"n": "before"})
        with self.assertRaises(InvalidRequest):
            root().sys.restore_raft_snapshot(b"no snapshot")
