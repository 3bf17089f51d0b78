package clients

import (
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

func mountKv(t *testing.T, version string) string {
	t.Helper()
	path := fresh("kv" + version)
	options := map[string]string{"version": version}
	must(t, root(t).Sys().Mount(path, &api.MountInput{Type: "kv", Options: options}))
	return path
}

func TestKv1(t *testing.T) {
	mount := mountKv(t, "1")
	kv := root(t).KVv1(mount)
	secret := map[string]any{"user": "app", "n": 12345678901234567, "list": []any{"a"}, "none": nil}
	must(t, kv.Put(ctx, "a/b", secret))
	read := got(kv.Get(ctx, "a/b"))(t)
	same(t, read.Data, secret)
	same(t, read.Raw.LeaseDuration, 2764800)
	same(t, got(root(t).Logical().List(mount))(t).Data["keys"], []any{"a/"})
	must(t, kv.Delete(ctx, "a/b"))
	if _, err := kv.Get(ctx, "a/b"); !errors.Is(err, api.ErrSecretNotFound) {
		t.Fatal(err)
	}
}

func TestKv2(t *testing.T) {
	kv := root(t).KVv2(mountKv(t, "2"))
	for n := 1; n <= 3; n++ {
		put := got(kv.Put(ctx, "app/db", map[string]any{"n": n}, api.WithCheckAndSet(n-1)))(t)
		same(t, put.VersionMetadata.Version, n)
	}
	_, err := kv.Put(ctx, "app/db", map[string]any{}, api.WithCheckAndSet(1))
	refused(t, err, 400, "check-and-set parameter did not match the current version")
	read := got(kv.Get(ctx, "app/db"))(t)
	same(t, read.Data["n"], 3)
	if age := time.Since(read.VersionMetadata.CreatedTime); age < 0 || age > time.Minute {
		t.Fatal(age)
	}
	same(t, got(kv.GetVersion(ctx, "app/db", 1))(t).Data["n"], 1)
	for _, way := range []string{api.KVMergeMethodPatch, api.KVMergeMethodReadWrite} {
		data := map[string]any{way: "yes", "gone": nil}
		got(kv.Patch(ctx, "app/db", data, api.WithMergeMethod(way)))(t)
	}
	patched := got(kv.Get(ctx, "app/db"))(t)
	same(t, patched.Data["n"], 3)
	same(t, patched.Data["patch"], "yes")
	same(t, patched.Data["rw"], "yes")
	same(t, patched.VersionMetadata.Version, 5)
	back := got(kv.Rollback(ctx, "app/db", 2))(t)
	same(t, back.VersionMetadata.Version, 6)
	same(t, got(kv.Get(ctx, "app/db"))(t).Data["n"], 2)

	must(t, kv.Delete(ctx, "app/db"))
	deleted := got(kv.Get(ctx, "app/db"))(t)
	if deleted.Data != nil || deleted.VersionMetadata.DeletionTime.IsZero() {
		t.Fatalf("%#v", deleted)
	}
	must(t, kv.Undelete(ctx, "app/db", []int{6}))
	// The versions go as texts.
	must(t, kv.DeleteVersions(ctx, "app/db", []int{1, 2}))
	must(t, kv.Destroy(ctx, "app/db", []int{1}))
	versions := got(kv.GetVersionsAsList(ctx, "app/db"))(t)
	same(t, len(versions), 6)
	same(t, versions[0].Destroyed, true)
	same(t, versions[1].Destroyed, false)
	same(t, versions[1].DeletionTime.IsZero(), false)
	same(t, versions[5].DeletionTime.IsZero(), true)
	must(t, kv.DeleteMetadata(ctx, "app/db"))
	if _, err := kv.Get(ctx, "app/db"); !errors.Is(err, api.ErrSecretNotFound) {
		t.Fatal(err)
	}
	_, err = kv.Patch(ctx, "app/db", map[string]any{"a": 1})
	if !errors.Is(err, api.ErrSecretNotFound) {
		t.Fatal(err)
	}
}

func TestKv2Metadata(t *testing.T) {
	kv := root(t).KVv2(mountKv(t, "2"))
	must(t, kv.PutMetadata(ctx, "m", api.KVMetadataPutInput{
		CASRequired:        true,
		MaxVersions:        3,
		DeleteVersionAfter: 90 * time.Minute,
		CustomMetadata:     map[string]any{"owner": "team", "tier": "1"},
	}))
	metadata := got(kv.GetMetadata(ctx, "m"))(t)
	same(t, metadata.CASRequired, true)
	same(t, metadata.MaxVersions, 3)
	same(t, metadata.DeleteVersionAfter, 90*time.Minute)
	no, four := false, 4
	must(t, kv.PatchMetadata(ctx, "m", api.KVMetadataPatchInput{
		CASRequired:    &no,
		MaxVersions:    &four,
		CustomMetadata: map[string]any{"owner": nil, "more": "x"},
	}))
	metadata = got(kv.GetMetadata(ctx, "m"))(t)
	same(t, metadata.CASRequired, false)
	same(t, metadata.MaxVersions, 4)
	same(t, metadata.CustomMetadata, map[string]any{"tier": "1", "more": "x"})
	put := got(kv.Put(ctx, "m", map[string]any{"a": 1}))(t)
	same(t, put.CustomMetadata, map[string]any{"tier": "1", "more": "x"})
	if put.VersionMetadata.DeletionTime.IsZero() {
		t.Fatal("it has no end")
	}
}

func TestLogical(t *testing.T) {
	mount := mountKv(t, "2")
	logical := root(t).Logical()
	written := got(logical.WriteBytes(mount+"/data/a", []byte(`{"data":{"big":9007199254740993}}`)))(t)
	same(t, written.Data["version"], 1)
	read := got(logical.ReadWithData(mount+"/data/a", map[string][]string{"version": {"1"}}))(t)
	same(t, read.Data["data"].(map[string]any)["big"], "9007199254740993")
	raw := got(logical.ReadRaw(mount + "/data/a"))(t)
	same(t, raw.Header.Get("Content-Type"), "application/json")
	must(t, raw.Body.Close())
	same(t, got(logical.List(mount + "/metadata"))(t).Data["keys"], []any{"a"})
	if none := got(logical.Read(mount + "/data/none"))(t); none != nil {
		t.Fatal(none)
	}
	if none := got(logical.List(mount + "/metadata/none"))(t); none != nil {
		t.Fatal(none)
	}
	got(logical.DeleteWithData(mount+"/metadata/a", nil))(t)
	_, err := logical.Write(mount+"/data/a", map[string]any{"a": 1})
	refused(t, err, 400, "no data provided")
	_, err = logical.Write("nowhere/a", nil)
	refused(t, err, 404, "no handler for route")
	help := got(root(t).Help("sys/mounts"))(t)
	if help.Help == "" {
		t.Fatal("no help")
	}
}
