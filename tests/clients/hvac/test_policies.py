import json
import unittest

from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest

from world import fresh, root, with_policy

TEXT = """
# A comment
path "secret/data/{{identity.entity.id}}/*" { capabilities = ["read"] }
path "x/+/y" {
  capabilities = ["create", "update"]
  allowed_parameters = { "name" = ["a*", "b"], "*" = [] }
  required_parameters = ["name"]
  min_wrapping_ttl = "1m"
}
"""


class Policies(unittest.TestCase):
    def test_both_forms(self):
        sys, name = root().sys, fresh("Policy")
        for write, read, list_all, delete in [
            (sys.create_or_update_policy, sys.read_policy, sys.list_policies, sys.delete_policy),
            (
                sys.create_or_update_acl_policy,
                sys.read_acl_policy,
                sys.list_acl_policies,
                sys.delete_acl_policy,
            ),
        ]:
            write(name, TEXT)
            data = read(name.lower())["data"]
            self.assertEqual(data.get("rules", data.get("policy")), TEXT)
            keys = list_all()["data"].get("keys") or list_all()["data"]["policies"]
            self.assertIn(name.lower(), keys)
            self.assertIn("root", keys)
            document = {"path": {"a/*": {"capabilities": ["read"]}}}
            write(name, document)
            data = read(name)["data"]
            self.assertEqual(json.loads(data.get("rules", data.get("policy"))), document)
            delete(name)
            with self.assertRaises(InvalidPath):
                read(name)

    def test_get_policy_is_parsed(self):
        name = fresh("parsed")
        root().sys.create_or_update_policy(name, {"path": {}})
        self.assertEqual(json.loads(root().get_policy(name)), {"path": {}})
        self.assertIsNone(root().get_policy(fresh("none")))

    def test_what_is_refused(self):
        sys = root().sys
        for text in ['path "a" { capabilities = ["fly"] }', 'path "a" {', 'pth "a" {}']:
            with self.assertRaises(InvalidRequest):
                sys.create_or_update_policy(fresh("bad"), text)
        for name in ("root", "default"):
            with self.assertRaises(InvalidRequest):
                sys.delete_policy(name)

    def test_capabilities(self):
        poor = with_policy('path "a/*" { capabilities = ["read", "list"] }')
        accessor = poor.auth.token.lookup_self()["data"]["accessor"]
        for answer in [
            poor.sys.get_capabilities(["a/b", "c"]),
            root().sys.get_capabilities(["a/b", "c"], token=poor.token),
            root().sys.get_capabilities(["a/b", "c"], accessor=accessor),
        ]:
            self.assertEqual(answer["data"]["a/b"], ["list", "read"])
            self.assertEqual(answer["data"]["c"], ["deny"])
            self.assertEqual(answer["a/b"], ["list", "read"])
        self.assertEqual(root().sys.get_capabilities("any")["data"]["capabilities"], ["root"])

    def test_parameters(self):
        mount = fresh("params")
        root().sys.enable_secrets_engine("kv", path=mount)
        rules = {"capabilities": ["create", "update"], "denied_parameters": {"bad": []}}
        poor = with_policy({"path": {f"{mount}/*": rules}})
        poor.write_data(f"{mount}/a", data={"good": "1"})
        with self.assertRaises(Forbidden):
            poor.write_data(f"{mount}/a", data={"bad": "1"})

    def test_password_policies(self):
        name = fresh("password")
        rule = 'length = 20\nrule "charset" { charset = "ab" }'
        root().write_data(f"sys/policies/password/{name}", data={"policy": rule})
        made = root().read(f"sys/policies/password/{name}/generate")["data"]["password"]
        self.assertEqual((len(made), set(made) <= set("ab")), (20, True))
