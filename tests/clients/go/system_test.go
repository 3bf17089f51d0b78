package clients

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
)

func TestMounts(t *testing.T) {
	sys := root(t).Sys()
	from, to := fresh("mount"), fresh("moved")
	must(t, sys.Mount(from, &api.MountInput{
		Type: "kv", Description: "words",
		Config: api.MountConfigInput{DefaultLeaseTTL: "1h", MaxLeaseTTL: "24h"},
	}))
	mounted := got(sys.ListMounts())(t)[from+"/"]
	same(t, mounted.Type, "kv")
	same(t, mounted.Config.DefaultLeaseTTL, 3600)
	same(t, got(sys.GetMount(from))(t).Accessor, mounted.Accessor)
	must(t, sys.TuneMount(from, api.MountConfigInput{
		DefaultLeaseTTL: "2h", ListingVisibility: "unauth",
		PassthroughRequestHeaders: []string{"X-One"},
	}))
	ttl, none, words := "3h", []string{}, "other"
	must(t, sys.TuneMountAllowNil(from, api.TuneMountConfigInput{
		DefaultLeaseTTL: &ttl, PassthroughRequestHeaders: &none, Description: &words,
	}))
	tuned := got(sys.MountConfig(from))(t)
	same(t, tuned.DefaultLeaseTTL, 10800)
	same(t, tuned.MaxLeaseTTL, 86400)
	same(t, len(tuned.PassthroughRequestHeaders), 0)
	got(root(t).Logical().Write(from+"/a", map[string]any{"n": "1"}))(t)
	must(t, sys.Remount(from, to))
	same(t, got(root(t).Logical().Read(to + "/a"))(t).Data["n"], "1")
	must(t, sys.Unmount(to))
	must(t, sys.Unmount(to))
	refused(t, sys.Mount(fresh("none"), &api.MountInput{Type: "nothing"}), 400, "nothing")
	_, err := sys.GetMount(from)
	refused(t, err, 400, "No secret engine mount at "+from+"/")
}

func TestAuthMounts(t *testing.T) {
	sys, path := root(t).Sys(), fresh("auth")
	must(t, sys.EnableAuthWithOptions(path, &api.EnableAuthOptions{
		Type: "userpass", Description: "people",
		Config: api.AuthConfigInput{DefaultLeaseTTL: "1h", TokenType: "batch"},
	}))
	same(t, got(sys.ListAuth())(t)[path+"/"].Description, "people")
	same(t, got(sys.GetAuth(path))(t).Config.TokenType, "batch")
	must(t, sys.TuneMount("auth/"+path, api.MountConfigInput{MaxLeaseTTL: "2h"}))
	same(t, got(sys.MountConfig("auth/" + path))(t).MaxLeaseTTL, 7200)
	must(t, sys.DisableAuth(path))
	same(t, got(sys.ListAuth())(t)[path+"/"] == nil, true)
}

func TestPolicies(t *testing.T) {
	sys, name := root(t).Sys(), fresh("policy")
	text := "path \"a/*\" { capabilities = [\"read\", \"list\"] }\n"
	must(t, sys.PutPolicy(name, text))
	same(t, got(sys.GetPolicy(name))(t), text)
	same(t, slices.Contains(got(sys.ListPolicies())(t), name), true)
	must(t, sys.DeletePolicy(name))
	same(t, got(sys.GetPolicy(name))(t), "")
	refused(t, sys.PutPolicy(name, "path {"), 400, "")
	poor := withPolicy(t, text)
	same(t, got(poor.Sys().CapabilitiesSelf("a/b"))(t), []string{"list", "read"})
	same(t, got(sys.Capabilities(poor.Token(), "a/b"))(t), []string{"list", "read"})
	accessor := got(poor.Auth().Token().LookupSelf())(t).Data["accessor"].(string)
	same(t, got(sys.CapabilitiesAccessor(accessor, "b"))(t), []string{"deny"})
	_, err := poor.Logical().Write("a/b", map[string]any{})
	refused(t, err, http.StatusForbidden, "permission denied")
}

func TestLeases(t *testing.T) {
	sys, path := root(t).Sys(), fresh("userpass")
	must(t, sys.EnableAuthWithOptions(path, &api.EnableAuthOptions{Type: "userpass"}))
	got(root(t).Logical().Write("auth/"+path+"/users/u", map[string]any{"password": "p"}))(t)
	login := func() string {
		data := map[string]any{"password": "p"}
		made := got(client(t, "").Logical().Write("auth/"+path+"/login/u", data))(t)
		return made.Auth.ClientToken
	}
	prefix := "auth/" + path + "/login/u"
	revocations := []func(string) error{
		sys.Revoke,
		func(string) error { return sys.RevokePrefix("auth/" + path) },
		func(string) error { return sys.RevokeForce(prefix) },
		func(id string) error {
			return sys.RevokeWithOptions(&api.RevokeOptions{LeaseID: id, Sync: true})
		},
		func(string) error {
			return sys.RevokeWithOptions(&api.RevokeOptions{LeaseID: prefix, Prefix: true})
		},
	}
	for _, revoke := range revocations {
		own := login()
		keys := got(root(t).Logical().List("sys/leases/lookup/" + prefix))(t).Data["keys"].([]any)
		same(t, len(keys), 1)
		id := prefix + "/" + keys[0].(string)
		same(t, got(sys.Lookup(id))(t).Data["id"], id)
		_, err := sys.Renew(id, 60)
		refused(t, err, 400, "tokens cannot be renewed through this endpoint")
		must(t, revoke(id))
		eventually(t, func() bool { return dead(t, own) })
		eventually(t, func() bool {
			return got(root(t).Logical().List("sys/leases/lookup/" + prefix))(t) == nil
		})
	}
}

func TestAudit(t *testing.T) {
	sys, path := root(t).Sys(), fresh("audit")
	file := filepath.Join(t.TempDir(), "log")
	must(t, sys.EnableAuditWithOptions(path, &api.EnableAuditOptions{
		Type: "file", Description: "words", Options: map[string]string{"file_path": file},
	}))
	same(t, got(sys.ListAudit())(t)[path+"/"].Options["file_path"], file)
	hashed := got(sys.AuditHash(path, token))(t)
	log := string(got(os.ReadFile(file))(t))
	same(t, strings.Contains(log, hashed), true)
	same(t, strings.Contains(log, token), false)
	must(t, sys.DisableAudit(path))
	same(t, got(sys.ListAudit())(t)[path+"/"] == nil, true)
}

func TestIdentity(t *testing.T) {
	logical := root(t).Logical()
	made := got(logical.Write("identity/entity", map[string]any{
		"name": fresh("entity"), "policies": "p1", "metadata": map[string]string{"a": "b"},
	}))(t)
	id := made.Data["id"].(string)
	same(t, got(logical.Read("identity/entity/id/" + id))(t).Data["policies"], []any{"p1"})
	group := got(logical.Write("identity/group", map[string]any{
		"name": fresh("group"), "member_entity_ids": []string{id},
	}))(t)
	read := got(logical.Read("identity/entity/id/" + id))(t)
	same(t, read.Data["direct_group_ids"], []any{group.Data["id"]})
	found := got(logical.Write("identity/lookup/entity", map[string]any{"id": id}))(t)
	same(t, found.Data["id"], id)
	got(logical.Delete("identity/entity/id/" + id))(t)
	if none := got(logical.Read("identity/entity/id/" + id))(t); none != nil {
		t.Fatal(none)
	}
}

func TestCors(t *testing.T) {
	sys := root(t).Sys()
	must(t, sys.ConfigureCORS(&api.CORSRequest{
		AllowedOrigins: []string{"https://a.test"}, AllowedHeaders: []string{"X-One"}, Enabled: true,
	}))
	status := got(sys.CORSStatus())(t)
	same(t, status.Enabled, true)
	same(t, status.AllowedOrigins, []string{"https://a.test"})
	must(t, sys.DisableCORS())
	same(t, got(sys.CORSStatus())(t).Enabled, false)
}

func TestQuotasAndTools(t *testing.T) {
	logical, name := root(t).Logical(), fresh("quota")
	got(logical.Write("sys/quotas/rate-limit/"+name, map[string]any{
		"rate": 500.5, "interval": "1m", "block_interval": "2m", "path": "",
	}))(t)
	read := got(logical.Read("sys/quotas/rate-limit/" + name))(t)
	same(t, read.Data["rate"], 500.5)
	same(t, read.Data["block_interval"], 120)
	got(logical.Delete("sys/quotas/rate-limit/" + name))(t)
	random := got(logical.Write("sys/tools/random", map[string]any{"bytes": "8", "format": "hex"}))(t)
	same(t, len(random.Data["random_bytes"].(string)), 16)
	sum := got(logical.Write("sys/tools/hash", map[string]any{
		"input": "YWJj", "algorithm": "sha3-256",
	}))(t)
	same(t, strings.HasPrefix(sum.Data["sum"].(string), "3a985da7"), true)
}

func TestHeaders(t *testing.T) {
	asking := root(t)
	asking.AddHeader("X-Vault-Index", "bm90aGluZw")
	asking.SetPolicyOverride(true)
	asking.SetMFACreds([]string{"method:123456"})
	got(asking.Logical().Read("sys/mounts"))(t)
	asking.SetNamespace("team")
	_, err := asking.Logical().Read("sys/mounts")
	refused(t, err, 400, "namespace")
	bearer := client(t, "")
	bearer.AddHeader("Authorization", "Bearer "+token)
	got(bearer.Logical().Read("sys/mounts"))(t)
}
