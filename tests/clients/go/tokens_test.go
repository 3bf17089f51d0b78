package clients

import (
	"net/http"
	"slices"
	"testing"

	"github.com/hashicorp/vault/api"
)

func TestTokens(t *testing.T) {
	tokens := root(t).Auth().Token()
	made := got(tokens.Create(&api.TokenCreateRequest{
		Policies: []string{"default"}, TTL: "1h", DisplayName: "test", NumUses: 9,
		Metadata: map[string]string{"who": "me"},
	}))(t)
	same(t, got(made.TokenPolicies())(t), []string{"default"})
	same(t, got(made.TokenMetadata())(t), map[string]string{"who": "me"})
	same(t, got(made.TokenIsRenewable())(t), true)
	id := made.Auth.ClientToken
	found := got(tokens.Lookup(id))(t)
	same(t, found.Data["display_name"], "token-test")
	same(t, got(tokens.LookupAccessor(made.Auth.Accessor))(t).Data["id"], "")
	self := got(client(t, id).Auth().Token().LookupSelf())(t)
	same(t, self.Data["num_uses"], 8)
	same(t, got(tokens.Renew(id, 7200))(t).Auth.LeaseDuration, 7200)
	same(t, got(tokens.RenewAccessor(made.Auth.Accessor, 600))(t).Auth.LeaseDuration, 600)
	same(t, got(client(t, id).Auth().Token().RenewSelf(1200))(t).Auth.LeaseDuration, 1200)
	same(t, got(tokens.RenewTokenAsSelf(id, 0))(t).Auth.LeaseDuration, 1200)
	must(t, tokens.RevokeAccessor(made.Auth.Accessor))
	same(t, dead(t, id), true)
	_, err := tokens.Lookup(id)
	refused(t, err, http.StatusForbidden, "bad token")
}

func TestFamilies(t *testing.T) {
	make := func(by *api.Client, request *api.TokenCreateRequest) string {
		return got(by.Auth().Token().Create(request))(t).Auth.ClientToken
	}
	poor := &api.TokenCreateRequest{Policies: []string{"default"}}
	top := make(root(t), &api.TokenCreateRequest{Policies: []string{"root"}})
	child := make(client(t, top), poor)
	orphan := got(client(t, top).Auth().Token().CreateOrphan(poor))(t).Auth
	same(t, orphan.Orphan, true)
	must(t, root(t).Auth().Token().RevokeTree(top))
	same(t, dead(t, child), true)
	same(t, dead(t, orphan.ClientToken), false)
	must(t, client(t, orphan.ClientToken).Auth().Token().RevokeSelf(""))
	same(t, dead(t, orphan.ClientToken), true)
	top = make(root(t), &api.TokenCreateRequest{Policies: []string{"root"}})
	child = make(client(t, top), poor)
	must(t, root(t).Auth().Token().RevokeOrphan(top))
	same(t, dead(t, top), true)
	same(t, dead(t, child), false)
}

func TestRoles(t *testing.T) {
	role := fresh("role")
	got(root(t).Logical().Write("auth/token/roles/"+role, map[string]any{
		"allowed_policies_glob": "dev-*", "orphan": true, "token_period": "10m",
		"token_type": "service", "token_bound_cidrs": "127.0.0.1/32", "token_num_uses": 0,
	}))(t)
	request := &api.TokenCreateRequest{Policies: []string{"dev-1"}}
	made := got(root(t).Auth().Token().CreateWithRole(request, role))(t)
	same(t, made.Auth.Policies, []string{"default", "dev-1"})
	same(t, made.Auth.LeaseDuration, 600)
	listed := got(root(t).Logical().List("auth/token/roles"))(t).Data["keys"].([]any)
	same(t, slices.Contains(listed, any(role)), true)
	_, err := root(t).Auth().Token().CreateWithRole(&api.TokenCreateRequest{Policies: []string{"x"}}, role)
	refused(t, err, http.StatusBadRequest, "")
	got(root(t).Logical().Delete("auth/token/roles/" + role))(t)
	if none := got(root(t).Logical().Read("auth/token/roles/" + role))(t); none != nil {
		t.Fatal(none)
	}
}

func TestBatchTokens(t *testing.T) {
	request := &api.TokenCreateRequest{Policies: []string{"default"}, Type: "batch", TTL: "1h"}
	made := got(root(t).Auth().Token().Create(request))(t)
	same(t, made.Auth.Accessor, "")
	same(t, dead(t, made.Auth.ClientToken), false)
	_, err := root(t).Auth().Token().Renew(made.Auth.ClientToken, 0)
	refused(t, err, http.StatusBadRequest, "batch tokens cannot be renewed")
}

func TestWrapping(t *testing.T) {
	asking := root(t)
	asking.SetWrappingLookupFunc(func(operation, path string) string {
		if path == "auth/token/create" {
			return "2m"
		}
		return api.DefaultWrappingLookupFunc(operation, path)
	})
	request := &api.TokenCreateRequest{Policies: []string{"default"}}
	wrapped := got(asking.Auth().Token().Create(request))(t)
	same(t, wrapped.WrapInfo.TTL, 120)
	same(t, wrapped.WrapInfo.CreationPath, "auth/token/create")
	// As the client's own token, with `null` for a body.
	opened := got(client(t, "").Logical().Unwrap(wrapped.WrapInfo.Token))(t)
	same(t, opened.Auth.Accessor, wrapped.WrapInfo.WrappedAccessor)
	same(t, dead(t, opened.Auth.ClientToken), false)
	// In the body.
	wrapped = got(asking.Auth().Token().Create(request))(t)
	opened = got(root(t).Logical().Unwrap(wrapped.WrapInfo.Token))(t)
	same(t, dead(t, opened.Auth.ClientToken), false)
	_, err := root(t).Logical().Unwrap(wrapped.WrapInfo.Token)
	refused(t, err, http.StatusBadRequest, "wrapping token is not valid or does not exist")
	data := map[string]any{"a": "b"}
	wrapped = got(root(t).Logical().Write("sys/wrapping/wrap", data))(t)
	again := got(root(t).Logical().Write("sys/wrapping/rewrap",
		map[string]any{"token": wrapped.WrapInfo.Token}))(t)
	same(t, got(root(t).Logical().Unwrap(again.WrapInfo.Token))(t).Data, data)
}
