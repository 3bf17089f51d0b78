import os
import tempfile
import unittest

import hvac
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest

from world import ADDRESS, CERTIFICATE, TOKEN, client, eventually, fresh, root, with_policy


class Mounts(unittest.TestCase):
    def test_a_secrets_engine(self):
        sys, path, moved = root().sys, fresh("mount"), fresh("moved")
        sys.enable_secrets_engine(
            "kv",
            path=path,
            description="words",
            config={"default_lease_ttl": "1h", "max_lease_ttl": 86400},
        )
        listed = sys.list_mounted_secrets_engines()["data"][f"{path}/"]
        self.assertEqual((listed["type"], listed["description"]), ("kv", "words"))
        self.assertEqual(listed["config"]["default_lease_ttl"], 3600)
        self.assertEqual(sys.retrieve_mount_option(path, "version", "1"), "1")
        sys.tune_mount_configuration(
            path,
            default_lease_ttl="2h",
            description="other",
            listing_visibility="unauth",
            audit_non_hmac_request_keys=["a"],
            passthrough_request_headers=["X-One"],
            options={"version": "2"},
        )
        tuned = sys.read_mount_configuration(path)["data"]
        self.assertEqual((tuned["default_lease_ttl"], tuned["max_lease_ttl"]), (7200, 86400))
        self.assertEqual((tuned["description"], tuned["options"]), ("other", {"version": "2"}))
        self.assertEqual(sys.retrieve_mount_option(path, "version"), "2")
        kv = root().secrets.kv.v2

        def upgraded():
            try:
                return kv.create_or_update_secret("a", {"n": 1}, mount_point=path)
            except InvalidRequest:
                return False

        eventually(upgraded)
        sys.move_backend(path, moved)

        def arrived():
            return f"{moved}/" in sys.list_mounted_secrets_engines()["data"]

        eventually(arrived)
        read = kv.read_secret("a", moved, raise_on_deleted_version=True)
        self.assertEqual(read["data"]["data"], {"n": 1})
        sys.disable_secrets_engine(moved)
        self.assertNotIn(f"{moved}/", sys.list_mounted_secrets_engines()["data"])
        with self.assertRaises(InvalidPath):
            kv.read_secret("a", moved, raise_on_deleted_version=True)

    def test_an_auth_method(self):
        sys, path = root().sys, fresh("auth")
        sys.enable_auth_method(
            "userpass", description="people", config={"default_lease_ttl": "1h"}, path=path
        )
        listed = sys.list_auth_methods()["data"][f"{path}/"]
        self.assertEqual((listed["type"], listed["description"]), ("userpass", "people"))
        sys.tune_auth_method(
            path,
            max_lease_ttl="5h",
            description="others",
            listing_visibility="unauth",
            audit_non_hmac_request_keys=["a", "b"],
            passthrough_request_headers=["X-One"],
            token_type="default-batch",
        )
        tuned = sys.read_auth_method_tuning(path)["data"]
        self.assertEqual((tuned["default_lease_ttl"], tuned["max_lease_ttl"]), (3600, 18000))
        self.assertEqual(tuned["audit_non_hmac_request_keys"], ["a", "b"])
        self.assertEqual(tuned["token_type"], "default-batch")
        seen = client().read("sys/internal/ui/mounts")["data"]["auth"]
        self.assertEqual(seen[f"{path}/"]["description"], "others")
        sys.disable_auth_method(path)
        self.assertNotIn(f"{path}/", sys.list_auth_methods()["data"])

    def test_what_is_refused(self):
        sys = root().sys
        with self.assertRaises(InvalidRequest):
            sys.enable_secrets_engine("no-such-type", path=fresh("none"))
        with self.assertRaises(InvalidRequest):
            sys.enable_secrets_engine("kv", path="sys")
        poor = with_policy('path "sys/mounts" { capabilities = ["read"] }')
        poor.sys.list_mounted_secrets_engines()
        with self.assertRaises(Forbidden):
            poor.sys.enable_secrets_engine("kv", path=fresh("none"))


class Leases(unittest.TestCase):
    def test_the_leases_of_tokens(self):
        mount = fresh("userpass")
        root().sys.enable_auth_method("userpass", path=mount)
        root().auth.userpass.create_or_update_user("u", "p", mount_point=mount)
        one, two = client(), client()
        for own in (one, two):
            own.auth.userpass.login("u", "p", mount_point=mount)
        prefix = f"auth/{mount}/login/u"
        keys = root().sys.list_leases(prefix)["data"]["keys"]
        self.assertEqual(len(keys), 2)
        found = root().sys.read_lease(f"{prefix}/{keys[0]}")["data"]
        self.assertEqual((found["id"], found["renewable"]), (f"{prefix}/{keys[0]}", True))
        with self.assertRaises(InvalidRequest):
            root().sys.renew_lease(f"{prefix}/{keys[0]}", increment=60)
        root().sys.revoke_lease(f"{prefix}/{keys[0]}")
        eventually(lambda: one.is_authenticated() + two.is_authenticated() == 1)
        root().sys.revoke_prefix(prefix)
        eventually(lambda: not (one.is_authenticated() or two.is_authenticated()))
        root().sys.revoke_force(prefix)
        with self.assertRaises(InvalidRequest):
            root().sys.read_lease("no/such/lease")


class Audit(unittest.TestCase):
    def test_a_device(self):
        sys, path = root().sys, fresh("audit")
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "log")
            sys.enable_audit_device(
                "file", description="words", options={"file_path": file}, path=path
            )
            try:
                listed = sys.list_enabled_audit_devices()["data"][f"{path}/"]
                self.assertEqual((listed["type"], listed["description"]), ("file", "words"))
                hashed = sys.calculate_hash(path, TOKEN)["data"]["hash"]
                self.assertTrue(hashed.startswith("hmac-sha256:"))
                with open(file, encoding="utf-8") as log:
                    text = log.read()
                self.assertIn(hashed, text)
                self.assertNotIn(TOKEN, text)
            finally:
                sys.disable_audit_device(path)
            self.assertNotIn(f"{path}/", sys.list_enabled_audit_devices()["data"])


class Quotas(unittest.TestCase):
    def test_a_rate_limit(self):
        sys, name, mount = root().sys, fresh("quota"), fresh("limited")
        sys.enable_secrets_engine("kv", path=mount)
        sys.create_or_update_quota(name, rate=1000.5, path=f"{mount}/", interval="1m")
        read = sys.read_quota(name)["data"]
        self.assertEqual((read["rate"], read["path"]), (1000.5, f"{mount}/"))
        self.assertEqual((read["interval"], read["type"]), (60, "rate-limit"))
        self.assertIn(name, sys.list_quotas()["data"]["keys"])
        sys.delete_quota(name)
        with self.assertRaises(InvalidPath):
            sys.read_quota(name)


class Tools(unittest.TestCase):
    def test_random_and_hash(self):
        made = root().write_data("sys/tools/random/16", data={"format": "hex"})
        self.assertEqual(len(made["data"]["random_bytes"]), 32)
        summed = root().write_data("sys/tools/hash/sha2-256", data={"input": "YWJj"})
        self.assertTrue(summed["data"]["sum"].startswith("ba7816bf"))


class Cluster(unittest.TestCase):
    def test_one_server_is_a_cluster(self):
        config = root().sys.read_raft_config()["data"]["config"]
        self.assertEqual([server["leader"] for server in config["servers"]], [True])
        with self.assertRaises(InvalidRequest):
            root().sys.remove_raft_node("none")
        with self.assertRaises(InvalidRequest):
            client().sys.join_raft_cluster("https://127.0.0.1:1")


class Asking(unittest.TestCase):
    def test_who_may_ask(self):
        self.assertTrue(root().is_authenticated())
        self.assertFalse(client().is_authenticated())
        self.assertFalse(client("hvs.nobody").is_authenticated())
        with self.assertRaises(Forbidden) as refused:
            client("hvs.nobody").sys.list_mounted_secrets_engines()
        self.assertEqual(refused.exception.errors, ["permission denied"])

    def test_only_standard_verbs(self):
        plain = hvac.Client(url=ADDRESS, token=TOKEN, verify=CERTIFICATE, strict_http=True)
        self.assertIn("default", plain.sys.list_acl_policies()["data"]["keys"])

    def test_without_the_header_of_requests(self):
        adapter = hvac.adapters.JSONAdapter(
            base_uri=ADDRESS, token=TOKEN, verify=CERTIFICATE, request_header=False
        )
        self.assertIn("data", adapter.get("/v1/sys/mounts"))
        self.assertIn("data", adapter.get("//v1//sys//mounts"))

    def test_namespaces_are_not_there(self):
        elsewhere = hvac.Client(url=ADDRESS, token=TOKEN, verify=CERTIFICATE, namespace="team")
        with self.assertRaises(hvac.exceptions.VaultError):
            elsewhere.sys.list_mounted_secrets_engines()
        here = hvac.Client(url=ADDRESS, token=TOKEN, verify=CERTIFICATE, namespace="root")
        here.sys.list_mounted_secrets_engines()
