import unittest

from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest

from world import client, fresh, root


class Userpass(unittest.TestCase):
    def setUp(self):
        self.mount = fresh("userpass")
        root().sys.enable_auth_method("userpass", path=self.mount)
        self.users = root().auth.userpass

    def login(self, name, password):
        own = client()
        answer = own.auth.userpass.login(name, password, mount_point=self.mount)
        return own, answer["auth"]

    def test_a_user(self):
        self.users.create_or_update_user(
            "Bob", "first", policies="p1,p2", mount_point=self.mount, token_ttl="10m"
        )
        self.assertEqual(self.users.list_user(self.mount)["data"]["keys"], ["bob"])
        read = self.users.read_user("bob", self.mount)["data"]
        self.assertEqual((read["token_policies"], read["token_ttl"]), (["p1", "p2"], 600))
        own, auth = self.login("bob", "first")
        self.assertEqual(auth["policies"], ["default", "p1", "p2"])
        self.assertEqual((auth["metadata"], auth["lease_duration"]), ({"username": "bob"}, 600))
        self.assertTrue(own.is_authenticated())
        found = own.auth.token.lookup_self()["data"]
        self.assertEqual(found["display_name"], f"{self.mount}-bob")
        self.assertEqual(found["path"], f"auth/{self.mount}/login/bob")
        self.assertTrue(found["entity_id"])
        self.users.update_password_on_user("bob", "second", mount_point=self.mount)
        with self.assertRaises(InvalidRequest) as refused:
            self.login("bob", "first")
        self.assertEqual(refused.exception.errors, ["invalid username or password"])
        self.login("BOB", "second")
        self.users.delete_user("bob", self.mount)
        with self.assertRaises(InvalidPath):
            self.users.read_user("bob", self.mount)
        with self.assertRaises(InvalidRequest):
            self.login("bob", "second")

    def test_a_mount_takes_its_tokens_along(self):
        self.users.create_or_update_user("u", "p", mount_point=self.mount)
        own, _ = self.login("u", "p")
        root().sys.disable_auth_method(self.mount)
        self.assertFalse(own.is_authenticated())


class Approle(unittest.TestCase):
    def setUp(self):
        self.mount, self.role = fresh("approle"), fresh("role")
        root().sys.enable_auth_method("approle", path=self.mount)
        self.approle = root().auth.approle
        self.approle.create_or_update_approle(
            self.role,
            bind_secret_id=True,
            secret_id_num_uses=3,
            secret_id_ttl="10m",
            token_policies=["p1", "p2"],
            token_ttl="5m",
            token_max_ttl="1h",
            token_bound_cidrs=["127.0.0.1"],
            token_type="service",
            mount_point=self.mount,
        )

    def login(self, role_id, secret_id):
        own = client()
        answer = own.auth.approle.login(role_id, secret_id, mount_point=self.mount)
        return own, answer["auth"]

    def role_id(self):
        return self.approle.read_role_id(self.role, self.mount)["data"]["role_id"]

    def test_a_role(self):
        read = self.approle.read_role(self.role, self.mount)["data"]
        self.assertEqual((read["token_policies"], read["token_ttl"]), (["p1", "p2"], 300))
        self.assertEqual((read["secret_id_num_uses"], read["secret_id_ttl"]), (3, 600))
        self.assertEqual(read["token_bound_cidrs"], ["127.0.0.1"])
        self.assertEqual(self.approle.list_roles(self.mount)["data"]["keys"], [self.role])
        made = self.approle.generate_secret_id(
            self.role, metadata={"host": "h"}, mount_point=self.mount
        )["data"]
        self.assertEqual(made["secret_id_ttl"], 600)
        own, auth = self.login(self.role_id(), made["secret_id"])
        self.assertEqual(auth["policies"], ["default", "p1", "p2"])
        self.assertEqual(auth["metadata"], {"host": "h", "role_name": self.role})
        self.assertTrue(own.is_authenticated())
        self.approle.update_role_id(self.role, fresh("own-id"), self.mount)
        self.login(self.role_id(), made["secret_id"])
        self.approle.delete_role(self.role, self.mount)
        with self.assertRaises(InvalidPath):
            self.approle.read_role(self.role, self.mount)
        with self.assertRaises(InvalidRequest):
            self.login("none", made["secret_id"])

    def test_secret_ids(self):
        generate = self.approle.generate_secret_id
        made = generate(self.role, cidr_list=["127.0.0.0/8"], mount_point=self.mount)["data"]
        secret_id, accessor = made["secret_id"], made["secret_id_accessor"]
        listed = self.approle.list_secret_id_accessors(self.role, self.mount)["data"]["keys"]
        self.assertEqual(listed, [accessor])
        for read in (
            self.approle.read_secret_id(self.role, secret_id, self.mount),
            self.approle.read_secret_id_accessor(self.role, accessor, self.mount),
        ):
            self.assertEqual(read["data"]["cidr_list"], ["127.0.0.0/8"])
            self.assertEqual(read["data"]["secret_id_num_uses"], 3)
        for _ in range(3):
            self.login(self.role_id(), secret_id)
        with self.assertRaises(InvalidRequest):
            self.login(self.role_id(), secret_id)
        own = fresh("custom")
        custom = self.approle.create_custom_secret_id
        custom(self.role, own, metadata={"a": "b"}, mount_point=self.mount)
        self.login(self.role_id(), own)
        self.approle.destroy_secret_id(self.role, own, self.mount)
        with self.assertRaises(InvalidRequest):
            self.login(self.role_id(), own)
        by_accessor = generate(self.role, mount_point=self.mount)["data"]
        self.approle.destroy_secret_id_accessor(
            self.role, by_accessor["secret_id_accessor"], self.mount
        )
        with self.assertRaises(InvalidRequest):
            self.login(self.role_id(), by_accessor["secret_id"])

    def test_a_wrapped_secret_id(self):
        wrapped = self.approle.generate_secret_id(
            self.role, mount_point=self.mount, wrap_ttl="60s"
        )
        opened = client(wrapped["wrap_info"]["token"]).sys.unwrap()
        self.login(self.role_id(), opened["data"]["secret_id"])

    def test_without_a_secret_id(self):
        self.approle.create_or_update_approle(
            self.role,
            bind_secret_id=False,
            secret_id_bound_cidrs=["127.0.0.0/8"],
            token_type="batch",
            mount_point=self.mount,
        )
        own, auth = self.login(self.role_id(), None)
        self.assertEqual(auth["token_type"], "batch")
        self.assertTrue(own.is_authenticated())

    def test_from_elsewhere(self):
        self.approle.create_or_update_approle(
            self.role, token_bound_cidrs=["10.1.0.0/16"], mount_point=self.mount
        )
        made = self.approle.generate_secret_id(self.role, mount_point=self.mount)["data"]
        with self.assertRaises((Forbidden, InvalidRequest)):
            own, _ = self.login(self.role_id(), made["secret_id"])
            own.auth.token.lookup_self()
