import datetime
import unittest

from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest

from world import eventually, fresh, root, with_policy


class Version1(unittest.TestCase):
    def setUp(self):
        self.client, self.mount = root(), fresh("kv1")
        self.client.sys.enable_secrets_engine("kv", path=self.mount, options={"version": "1"})
        self.kv = self.client.secrets.kv.v1

    def test_a_secret_lives(self):
        secret = {"user": "app", "n": 12345678901234567890, "f": 1.5, "list": [1, None], "é": "ü"}
        self.kv.create_or_update_secret("a/b c", secret, mount_point=self.mount)
        read = self.kv.read_secret("a/b c", mount_point=self.mount)
        self.assertEqual(read["data"], secret)
        self.assertEqual(read["lease_duration"], 2764800)
        # It is there now, so that this one goes as PUT.
        self.kv.create_or_update_secret("a/b c", {"user": "other"}, mount_point=self.mount)
        self.kv.create_or_update_secret("a/d", {"ttl": "90s"}, "POST", mount_point=self.mount)
        self.assertEqual(self.kv.read_secret("a/d", self.mount)["lease_duration"], 90)
        self.assertEqual(self.kv.list_secrets("a", self.mount)["data"]["keys"], ["b c", "d"])
        self.assertEqual(self.kv.list_secrets("", self.mount)["data"]["keys"], ["a/"])
        self.kv.delete_secret("a/b c", mount_point=self.mount)
        with self.assertRaises(InvalidPath):
            self.kv.read_secret("a/b c", mount_point=self.mount)

    def test_the_words_without_an_engine(self):
        path = f"{self.mount}/plain"
        self.client.write_data(path, data={"a": "1"})
        self.client.write_data(path, data={"value": ["x"]})
        self.assertEqual(self.client.read(path)["data"], {"value": ["x"]})
        self.assertEqual(self.client.list(self.mount)["data"]["keys"], ["plain"])
        self.client.delete(path)
        self.assertIsNone(self.client.read(path))
        self.assertIsNone(self.client.list(self.mount))


class Version2(unittest.TestCase):
    def setUp(self):
        self.client, self.mount = root(), fresh("kv2")
        self.client.sys.enable_secrets_engine("kv", path=self.mount, options={"version": "2"})
        self.kv = self.client.secrets.kv.v2

    def write(self, path, secret, **options):
        return self.kv.create_or_update_secret(path, secret, mount_point=self.mount, **options)

    def read(self, path, version=None, deleted=True):
        return self.kv.read_secret_version(
            path, version, self.mount, raise_on_deleted_version=not deleted
        )["data"]

    def metadata(self, path):
        return self.kv.read_secret_metadata(path, mount_point=self.mount)["data"]

    def test_versions(self):
        for n in range(1, 4):
            written = self.write("app/db", {"n": n})["data"]
            self.assertEqual((written["version"], written["destroyed"]), (n, False))
            created = written["created_time"].split(".")[0]
            datetime.datetime.strptime(created, "%Y-%m-%dT%H:%M:%S")
        self.assertEqual(self.read("app/db")["data"], {"n": 3})
        self.assertEqual(self.read("app/db", 1)["data"], {"n": 1})
        self.assertEqual(self.read("app/db", 0)["metadata"]["version"], 3)
        with self.assertRaises(InvalidPath):
            self.read("app/db", 4)
        listed = self.kv.list_secrets("app", mount_point=self.mount)["data"]["keys"]
        self.assertEqual(listed, ["db"])

    def test_cas(self):
        self.write("a", {"n": 1}, cas=0)
        with self.assertRaises(InvalidRequest) as refused:
            self.write("a", {"n": 2}, cas=0)
        words = "check-and-set parameter did not match the current version"
        self.assertEqual(refused.exception.errors, [words])
        self.write("a", {"n": 2}, cas=1)
        self.kv.configure(max_versions=2, cas_required=True, mount_point=self.mount)
        config = self.kv.read_configuration(mount_point=self.mount)["data"]
        self.assertEqual(
            config, {"max_versions": 2, "cas_required": True, "delete_version_after": "0s"}
        )
        with self.assertRaises(InvalidRequest):
            self.write("a", {"n": 3})
        self.write("a", {"n": 3}, cas=2)
        self.assertEqual(sorted(self.metadata("a")["versions"]), ["2", "3"])

    def test_patch(self):
        with self.assertRaises(InvalidPath):
            self.kv.patch("none", {"a": 1}, mount_point=self.mount)
        self.write("p", {"a": 1, "b": 2})
        self.kv.patch("p", {"b": 3, "c": None}, mount_point=self.mount)
        self.assertEqual(self.read("p")["data"], {"a": 1, "b": 3, "c": None})

    def test_delete_undelete_destroy(self):
        for n in range(1, 4):
            self.write("s", {"n": n})
        self.kv.delete_latest_version_of_secret("s", mount_point=self.mount)
        with self.assertRaises(InvalidPath):
            self.read("s", deleted=False)
        dead = self.read("s")
        self.assertIsNone(dead["data"])
        self.assertNotEqual(dead["metadata"]["deletion_time"], "")
        self.kv.undelete_secret_versions("s", [3], mount_point=self.mount)
        self.assertEqual(self.read("s")["data"], {"n": 3})
        self.kv.delete_secret_versions("s", [1, 2], mount_point=self.mount)
        self.kv.destroy_secret_versions("s", [1], mount_point=self.mount)
        self.kv.undelete_secret_versions("s", [1, 2], mount_point=self.mount)
        with self.assertRaises(InvalidPath):
            self.read("s", 1, deleted=False)
        self.assertEqual(self.read("s", 2)["data"], {"n": 2})
        versions = self.metadata("s")["versions"]
        destroyed = {number: version["destroyed"] for number, version in versions.items()}
        self.assertEqual(destroyed, {"1": True, "2": False, "3": False})
        self.kv.delete_metadata_and_all_versions("s", mount_point=self.mount)
        with self.assertRaises(InvalidPath):
            self.metadata("s")

    def test_metadata(self):
        self.kv.update_metadata(
            "m",
            max_versions=3,
            cas_required=False,
            delete_version_after="1h30m",
            custom_metadata={"owner": "team", "tier": "1"},
            mount_point=self.mount,
        )
        metadata = self.metadata("m")
        self.assertEqual(metadata["custom_metadata"], {"owner": "team", "tier": "1"})
        self.assertEqual(metadata["delete_version_after"], "1h30m0s")
        self.assertEqual((metadata["current_version"], metadata["versions"]), (0, {}))
        self.write("m", {"n": 1})
        read = self.read("m")["metadata"]
        self.assertEqual(read["custom_metadata"], {"owner": "team", "tier": "1"})
        self.assertNotEqual(read["deletion_time"], "")
        for n in range(2, 6):
            self.write("m", {"n": n})
        self.assertEqual(sorted(self.metadata("m")["versions"]), ["3", "4", "5"])

    def test_a_version_ends_by_itself(self):
        self.kv.configure(delete_version_after="1s", mount_point=self.mount)
        self.write("short", {"n": 1})

        def ended():
            return self.read("short")["data"] is None

        eventually(ended)

    def test_what_a_policy_allows(self):
        self.write("open/a", {"n": 1})
        self.write("shut/a", {"n": 1})
        client = with_policy(
            {
                "path": {
                    f"{self.mount}/data/open/*": {"capabilities": ["read", "create"]},
                    f"{self.mount}/metadata/open": {"capabilities": ["list"]},
                }
            }
        )
        kv = client.secrets.kv.v2
        self.assertEqual(kv.list_secrets("open", self.mount)["data"]["keys"], ["a"])
        read = kv.read_secret("open/a", self.mount, raise_on_deleted_version=True)
        self.assertEqual(read["data"]["data"], {"n": 1})
        kv.create_or_update_secret("open/b", {"n": 1}, mount_point=self.mount)
        for denied in [
            lambda: kv.create_or_update_secret("open/a", {"n": 2}, mount_point=self.mount),
            lambda: kv.read_secret("shut/a", self.mount, raise_on_deleted_version=True),
            lambda: kv.list_secrets("shut", self.mount),
            lambda: kv.read_configuration(self.mount),
        ]:
            with self.assertRaises(Forbidden) as refused:
                denied()
            words = "1 error occurred:\n\t* permission denied\n\n"
            self.assertEqual(refused.exception.errors, [words])
