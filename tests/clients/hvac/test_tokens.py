import unittest

from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest

from world import client, eventually, fresh, root, with_policy


def alive(token):
    return client(token).is_authenticated()


class Tokens(unittest.TestCase):
    def setUp(self):
        self.root = root()
        self.tokens = self.root.auth.token

    def make(self, **options):
        return self.tokens.create(**options)["auth"]

    def test_a_token_lives(self):
        made = self.make(
            policies=["default"], meta={"who": "me"}, ttl="1h", display_name="test", num_uses=9
        )
        self.assertEqual(made["policies"], ["default"])
        self.assertEqual((made["metadata"], made["lease_duration"]), ({"who": "me"}, 3600))
        self.assertEqual((made["renewable"], made["num_uses"], made["orphan"]), (True, 9, False))
        found = self.tokens.lookup(made["client_token"])["data"]
        named = (found["display_name"], found["path"])
        self.assertEqual(named, ("token-test", "auth/token/create"))
        self.assertEqual((found["meta"], found["creation_ttl"]), ({"who": "me"}, 3600))
        by_accessor = self.tokens.lookup_accessor(made["accessor"])["data"]
        self.assertEqual((by_accessor["id"], by_accessor["accessor"]), ("", made["accessor"]))
        own = client(made["client_token"]).auth.token.lookup_self()["data"]
        # The look-up is a use itself.
        self.assertEqual((own["id"], own["num_uses"]), (made["client_token"], 8))
        self.assertIn(made["accessor"], self.tokens.list_accessors()["data"]["keys"])
        self.tokens.revoke(made["client_token"])
        self.assertFalse(alive(made["client_token"]))
        with self.assertRaises(Forbidden) as refused:
            self.tokens.lookup(made["client_token"])
        self.assertEqual(refused.exception.errors, ["bad token"])

    def test_renewing(self):
        made = self.make(policies=["default"], ttl="1h")
        token, accessor = made["client_token"], made["accessor"]
        self.assertEqual(self.tokens.renew(token, "2h")["auth"]["lease_duration"], 7200)
        self.assertEqual(self.tokens.renew(token)["auth"]["lease_duration"], 7200)
        own = client(token).auth.token.renew_self(increment="30m")["auth"]
        self.assertEqual((own["lease_duration"], own["client_token"]), (1800, token))
        of_another = self.tokens.renew_accessor(accessor, increment=600)["auth"]
        self.assertEqual((of_another["lease_duration"], of_another["client_token"]), (600, ""))
        self.assertEqual(self.root.renew_token(token, "1h")["auth"]["lease_duration"], 3600)
        fixed = self.make(policies=["default"], renewable=False)["client_token"]
        with self.assertRaises(InvalidRequest) as refused:
            self.tokens.renew(fixed)
        self.assertEqual(refused.exception.errors, ["lease is not renewable"])

    def test_bounds_of_a_life(self):
        capped = self.make(policies=["default"], ttl="1h", explicit_max_ttl="90m")["client_token"]
        renewed = self.tokens.renew(capped, "10h")["auth"]
        self.assertLessEqual(renewed["lease_duration"], 5400)
        self.assertGreater(renewed["lease_duration"], 5000)
        periodic = self.make(policies=["default"], period="20m")["client_token"]
        self.assertEqual(self.tokens.renew(periodic, "10h")["auth"]["lease_duration"], 1200)
        self.assertEqual(self.tokens.lookup(periodic)["data"]["period"], 1200)
        short = self.make(policies=["default"], ttl="1s")["client_token"]
        eventually(lambda: not alive(short))
        twice = client(self.make(policies=["default"], num_uses=2)["client_token"])
        twice.auth.token.lookup_self()
        twice.auth.token.lookup_self()
        with self.assertRaises(Forbidden):
            twice.auth.token.lookup_self()

    def test_families(self):
        def tree():
            top = with_policy('path "auth/token/*" { capabilities = ["update", "sudo"] }')
            return top, top.auth.token.create()["auth"], top.auth.token.create_orphan()["auth"]

        top, child, orphan = tree()
        self.assertEqual((child["orphan"], orphan["orphan"]), (False, True))
        self.tokens.revoke(top.token)
        self.assertFalse(alive(child["client_token"]))
        self.assertTrue(alive(orphan["client_token"]))
        top, child, orphan = tree()
        self.tokens.revoke_and_orphan_children(top.token)
        self.assertFalse(alive(top.token))
        self.assertTrue(self.tokens.lookup(child["client_token"])["data"]["orphan"])
        self.tokens.revoke_accessor(child["accessor"])
        self.assertFalse(alive(child["client_token"]))
        client(orphan["client_token"]).auth.token.revoke_self()
        self.assertFalse(alive(orphan["client_token"]))

    def test_logging_out(self):
        one = client(self.make(policies=["default"])["client_token"])
        token = one.token
        one.logout(revoke_token=True)
        self.assertFalse(alive(token))
        for words in ({}, {"orphan": True}, {"accessor": True}):
            made = self.make(policies=["default"])
            which = "accessor" if "accessor" in words else "client_token"
            self.root.revoke_token(made[which], **words)
            self.assertFalse(alive(made["client_token"]))

    def test_batch_tokens(self):
        made = self.make(policies=["default"], type="batch", ttl="1h")
        token = made["client_token"]
        self.assertTrue(token.startswith("hvb."))
        self.assertEqual((made["accessor"], made["renewable"]), ("", False))
        self.assertEqual(self.tokens.lookup(token)["data"]["type"], "batch")
        self.assertTrue(alive(token))
        for refused in (self.tokens.renew, self.tokens.revoke):
            with self.assertRaises(InvalidRequest):
                refused(token)

    def test_a_chosen_id(self):
        name = fresh("chosen")
        self.assertEqual(self.make(id=name, policies=["default"])["client_token"], name)
        self.assertTrue(alive(name))
        with self.assertRaises(InvalidRequest):
            self.make(id="with.dot", policies=["default"])

    def test_roles(self):
        role = fresh("role")
        self.tokens.create_or_update_role(
            role,
            allowed_policies=["default", "p1"],
            orphan=True,
            renewable=False,
            path_suffix="suffix",
            token_period=600,
            token_explicit_max_ttl="3h",
        )
        read = self.tokens.read_role(role)["data"]
        self.assertEqual(read["allowed_policies"], ["default", "p1"])
        self.assertEqual((read["token_period"], read["token_explicit_max_ttl"]), (600, 10800))
        self.assertEqual((read["path_suffix"], read["orphan"]), ("suffix", True))
        self.assertIn(role, self.tokens.list_roles()["data"]["keys"])
        made = self.tokens.create(role_name=role, policies=["p1"])["auth"]
        self.assertEqual((made["policies"], made["renewable"]), (["default", "p1"], False))
        self.assertEqual((made["lease_duration"], made["orphan"]), (600, True))
        found = self.tokens.lookup(made["client_token"])["data"]
        self.assertEqual(found["path"], f"auth/token/create/{role}/suffix")
        with self.assertRaises(InvalidRequest):
            self.tokens.create(role_name=role, policies=["other"])
        self.tokens.delete_role(role)
        with self.assertRaises(InvalidPath):
            self.tokens.read_role(role)
        with self.assertRaises(InvalidRequest):
            self.tokens.create(role_name=role)

    def test_rights_are_not_gained(self):
        poor = with_policy('path "auth/token/create" { capabilities = ["update"] }')
        with self.assertRaises(InvalidRequest) as refused:
            poor.auth.token.create(policies=["root"])
        self.assertIn("subset", refused.exception.errors[0])
        with self.assertRaises(Forbidden):
            poor.auth.token.create_orphan()

    def test_tidy(self):
        answer = self.tokens.tidy()
        # 202, with a warning that says where to look.
        self.assertEqual(answer.status_code, 202)
        self.assertTrue(answer.json()["warnings"])


class Wrapping(unittest.TestCase):
    def test_wrap_and_unwrap(self):
        wrapped = root().sys.wrap({"a": "b"}, ttl=90)["wrap_info"]
        self.assertEqual((wrapped["ttl"], wrapped["creation_path"]), (90, "sys/wrapping/wrap"))
        # By the client's own token.
        opened = client(wrapped["token"]).sys.unwrap()
        self.assertEqual(opened["data"], {"a": "b"})
        with self.assertRaises(InvalidRequest) as refused:
            root().sys.unwrap(wrapped["token"])
        words = "wrapping token is not valid or does not exist"
        self.assertEqual(refused.exception.errors, [words])

    def test_a_wrapped_answer(self):
        wrapped = root().auth.token.create(policies=["default"], ttl="1h", wrap_ttl="2m")
        self.assertIsNone(wrapped["auth"])
        info = wrapped["wrap_info"]
        looked_up = client().write_data("sys/wrapping/lookup", data={"token": info["token"]})
        self.assertEqual(looked_up["data"]["creation_ttl"], 120)
        again = root().write_data("sys/wrapping/rewrap", data={"token": info["token"]})
        opened = root().sys.unwrap(again["wrap_info"]["token"])
        self.assertEqual(opened["auth"]["accessor"], info["wrapped_accessor"])
        self.assertTrue(client(opened["auth"]["client_token"]).is_authenticated())

    def test_the_old_way_through_the_cubbyhole(self):
        inner = root().auth.token.create(policies=["default"], wrap_ttl=60)["wrap_info"]
        held = client(inner["token"]).read("cubbyhole/response")
        self.assertIn("client_token", held["data"]["response"])

    def test_a_cubbyhole_is_its_tokens(self):
        made = root().auth.token.create(policies=["default"])["auth"]["client_token"]
        one = client(made)
        one.write_data("cubbyhole/mine", data={"a": 1})
        self.assertEqual(one.read("cubbyhole/mine")["data"], {"a": 1})
        self.assertEqual(one.list("cubbyhole")["data"]["keys"], ["mine"])
        self.assertIsNone(root().read("cubbyhole/mine"))
