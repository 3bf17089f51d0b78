import unittest

from hvac.exceptions import InvalidPath

from world import client, fresh, root


class Identity(unittest.TestCase):
    def setUp(self):
        self.identity = root().secrets.identity
        self.mount = fresh("userpass")
        root().sys.enable_auth_method("userpass", path=self.mount)
        self.accessor = root().sys.list_auth_methods()["data"][f"{self.mount}/"]["accessor"]

    def entity(self, **options):
        made = self.identity.create_or_update_entity(fresh("entity"), **options)
        return made["data"]["id"]

    def test_entities(self):
        name = fresh("Entity")
        made = self.identity.create_or_update_entity(
            name, metadata={"team": "a"}, policies=["p1"]
        )["data"]
        self.assertEqual(made["name"], name)
        read = self.identity.read_entity(made["id"])["data"]
        self.assertEqual((read["metadata"], read["policies"]), ({"team": "a"}, ["p1"]))
        self.identity.update_entity(made["id"], name=name, metadata={"team": "b"})
        by_name = self.identity.read_entity_by_name(name)["data"]
        self.assertEqual(by_name["metadata"], {"team": "b"})
        self.identity.create_or_update_entity_by_name(name, policies=["p2"], disabled=True)
        by_name = self.identity.read_entity_by_name(name)["data"]
        self.assertEqual((by_name["policies"], by_name["disabled"]), (["p2"], True))
        self.assertEqual(self.identity.lookup_entity(name=name)["data"]["id"], made["id"])
        for method in ("LIST", "GET"):
            self.assertIn(made["id"], self.identity.list_entities(method)["data"]["keys"])
            self.assertIn(name, self.identity.list_entities_by_name(method)["data"]["keys"])
        self.identity.delete_entity(made["id"])
        with self.assertRaises(InvalidPath):
            self.identity.read_entity(made["id"])
        self.identity.create_or_update_entity_by_name(name)
        self.identity.delete_entity_by_name(name)
        # Nothing is found: 204, and no error.
        self.assertEqual(self.identity.lookup_entity(name=name).status_code, 204)

    def test_aliases_make_one_person_of_logins(self):
        entity = self.entity()
        alias = self.identity.create_or_update_entity_alias(
            "alice", canonical_id=entity, mount_accessor=self.accessor
        )["data"]["id"]
        read = self.identity.read_entity_alias(alias)["data"]
        self.assertEqual((read["name"], read["canonical_id"]), ("alice", entity))
        for method in ("LIST", "GET"):
            self.assertIn(alias, self.identity.list_entity_aliases(method)["data"]["keys"])
        found = self.identity.lookup_entity(
            alias_name="alice", alias_mount_accessor=self.accessor
        )
        self.assertEqual(found["data"]["id"], entity)
        root().auth.userpass.create_or_update_user("alice", "p", mount_point=self.mount)
        own = client()
        own.auth.userpass.login("alice", "p", mount_point=self.mount)
        self.assertEqual(own.auth.token.lookup_self()["data"]["entity_id"], entity)
        self.identity.update_entity_alias(
            alias, name="alicia", canonical_id=entity, mount_accessor=self.accessor
        )
        self.assertEqual(self.identity.lookup_entity(alias_id=alias)["data"]["id"], entity)
        self.identity.delete_entity_alias(alias)
        self.assertEqual(self.identity.lookup_entity(alias_id=alias).status_code, 204)

    def test_merging(self):
        first, second = self.entity(), self.entity()
        self.identity.create_or_update_entity_alias(
            "bob", canonical_id=second, mount_accessor=self.accessor
        )
        self.identity.merge_entities(from_entity_ids=[second], to_entity_id=first)
        read = self.identity.read_entity(first)["data"]
        self.assertEqual(read["merged_entity_ids"], [second])
        self.assertEqual(read["aliases"][0]["name"], "bob")

    def test_groups(self):
        member, name = self.entity(), fresh("group")
        made = self.identity.create_or_update_group(
            name, metadata={"a": "b"}, policies=["p1"], member_entity_ids=[member]
        )["data"]
        group = made["id"]
        read = self.identity.read_group(group)["data"]
        self.assertEqual((read["type"], read["policies"]), ("internal", ["p1"]))
        self.assertEqual(read["member_entity_ids"], [member])
        outer = self.identity.create_or_update_group(fresh("outer"), member_group_ids=[group])
        self.assertEqual(
            self.identity.read_group(group)["data"]["parent_group_ids"], [outer["data"]["id"]]
        )
        self.identity.update_group(group, name, policies=["p2"])
        self.assertEqual(self.identity.read_group_by_name(name)["data"]["policies"], ["p2"])
        self.identity.create_or_update_group_by_name(name, policies=["p3"])
        self.assertEqual(self.identity.lookup_group(name=name)["data"]["policies"], ["p3"])
        for method in ("LIST", "GET"):
            self.assertIn(group, self.identity.list_groups(method)["data"]["keys"])
            self.assertIn(name, self.identity.list_groups_by_name(method)["data"]["keys"])
        self.identity.delete_group(outer["data"]["id"])
        self.identity.delete_group_by_name(name)
        with self.assertRaises(InvalidPath):
            self.identity.read_group(group)

    def test_external_groups(self):
        group = self.identity.create_or_update_group(fresh("external"), group_type="external")
        group = group["data"]["id"]
        alias = self.identity.create_or_update_group_alias(
            "team", mount_accessor=self.accessor, canonical_id=group
        )["data"]["id"]
        self.assertEqual(self.identity.read_group_alias(alias)["data"]["name"], "team")
        self.identity.update_group_alias(
            alias, "crew", mount_accessor=self.accessor, canonical_id=group
        )
        for method in ("LIST", "GET"):
            self.assertIn(alias, self.identity.list_group_aliases(method)["data"]["keys"])
        found = self.identity.lookup_group(alias_name="crew", alias_mount_accessor=self.accessor)
        self.assertEqual(found["data"]["id"], group)
        self.identity.delete_group_alias(alias)
        self.identity.delete_group(group)

    def test_identity_tokens(self):
        key, role = fresh("key"), fresh("role")
        self.identity.configure_tokens_backend(issuer="https://edgekeep.test:1234")
        config = self.identity.read_tokens_backend_configuration()["data"]
        self.assertEqual(config["issuer"], "https://edgekeep.test:1234")
        self.identity.create_named_key(
            key, rotation_period="24h", allowed_client_ids=["*"], algorithm="ES256"
        )
        self.assertEqual(self.identity.read_named_key(key)["data"]["algorithm"], "ES256")
        self.assertIn(key, self.identity.list_named_keys()["data"]["keys"])
        self.identity.create_or_update_role(role, key, template='{"x": 1}', ttl="10m")
        read = self.identity.read_role(role)["data"]
        self.assertEqual((read["ttl"], read["key"]), (600, key))
        self.assertIn(role, self.identity.list_roles()["data"]["keys"])
        root().auth.userpass.create_or_update_user(
            "carol", "p", mount_point=self.mount, token_policies=["oidc"]
        )
        text = 'path "identity/oidc/token/*" { capabilities = ["read"] }'
        root().sys.create_or_update_policy("oidc", text)
        own = client()
        own.auth.userpass.login("carol", "p", mount_point=self.mount)
        made = own.secrets.identity.generate_signed_id_token(role)["data"]
        self.assertEqual((made["ttl"], made["client_id"]), (600, read["client_id"]))
        checked = self.identity.introspect_signed_id_token(made["token"])
        self.assertTrue(checked["active"])
        # hvac's rotation writes the key itself, as a Vault of old had it.
        self.identity.rotate_named_key(key, "2h")
        self.assertTrue(self.identity.introspect_signed_id_token(made["token"])["active"])
        known = client().secrets.identity
        self.assertIn("jwks_uri", known.read_well_known_configurations())
        self.assertTrue(known.read_active_public_keys()["keys"])
        self.identity.delete_role(role)
        self.identity.delete_named_key(key)
