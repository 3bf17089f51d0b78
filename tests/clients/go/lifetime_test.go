package clients

import (
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/auth/approle"
	"github.com/hashicorp/vault/api/auth/userpass"
)

const patience = 60 * time.Second

// watch keeps a secret alive until it cannot; how often that was done, and how it ended. It stops
// after so many renewals.
func watch(t *testing.T, by *api.Client, input *api.LifetimeWatcherInput, most int) (int, error) {
	t.Helper()
	watcher := got(by.NewLifetimeWatcher(input))(t)
	go watcher.Start()
	defer watcher.Stop()
	deadline := time.After(patience)
	for renewals := 0; ; {
		select {
		case err := <-watcher.DoneCh():
			return renewals, err
		case renewal := <-watcher.RenewCh():
			same(t, renewal.Secret.Auth.ClientToken, input.Secret.Auth.ClientToken)
			if renewals++; renewals == most {
				return renewals, nil
			}
		case <-deadline:
			t.Fatalf("%d renewals, and no end", renewals)
		}
	}
}

func TestAPeriodicTokenIsKeptAlive(t *testing.T) {
	request := &api.TokenCreateRequest{Policies: []string{"default"}, Period: "6s"}
	made := got(root(t).Auth().Token().Create(request))(t)
	input := &api.LifetimeWatcherInput{Secret: made}
	renewals, err := watch(t, client(t, made.Auth.ClientToken), input, 3)
	must(t, err)
	same(t, renewals, 3)
	same(t, dead(t, made.Auth.ClientToken), false)
	found := got(root(t).Auth().Token().Lookup(made.Auth.ClientToken))(t)
	if found.Data["last_renewal_time"] == nil {
		t.Fatal("nothing tells that it was renewed")
	}
}

func TestTheEndOfATokenIsSeen(t *testing.T) {
	path := fresh("userpass")
	must(t, root(t).Sys().EnableAuthWithOptions(path, &api.EnableAuthOptions{Type: "userpass"}))
	got(root(t).Logical().Write("auth/"+path+"/users/u", map[string]any{
		"password": "p", "token_ttl": "4s", "token_max_ttl": "8s",
	}))(t)
	method := got(userpass.NewUserpassAuth("u", &userpass.Password{FromString: "p"},
		userpass.WithMountPath(path)))(t)
	own := client(t, "")
	login := got(own.Auth().Login(ctx, method))(t)
	same(t, own.Token(), login.Auth.ClientToken)
	renewals, err := watch(t, own, &api.LifetimeWatcherInput{Secret: login}, 0)
	must(t, err)
	if renewals == 0 {
		t.Fatal("it was never renewed")
	}
	eventually(t, func() bool { return dead(t, login.Auth.ClientToken) })
}

func TestWhatCannotBeRenewedIsSaid(t *testing.T) {
	no := false
	request := &api.TokenCreateRequest{Policies: []string{"default"}, Renewable: &no, TTL: "1h"}
	made := got(root(t).Auth().Token().Create(request))(t)
	input := &api.LifetimeWatcherInput{
		Secret: made, RenewBehavior: api.RenewBehaviorErrorOnErrors,
	}
	if _, err := watch(t, client(t, made.Auth.ClientToken), input, 0); err != api.ErrLifetimeWatcherNotRenewable {
		t.Fatal(err)
	}
}

func TestApprole(t *testing.T) {
	path := fresh("approle")
	must(t, root(t).Sys().EnableAuthWithOptions(path, &api.EnableAuthOptions{Type: "approle"}))
	role := "auth/" + path + "/role/r"
	logical := root(t).Logical()
	got(logical.Write(role, map[string]any{
		"token_policies": []string{"default"}, "token_period": "6s", "secret_id_num_uses": 2,
	}))(t)
	id := got(logical.Read(role + "/role-id"))(t).Data["role_id"].(string)
	asking := root(t)
	asking.SetWrappingLookupFunc(func(string, string) string { return "1m" })
	wrapped := got(asking.Logical().Write(role+"/secret-id", nil))(t).WrapInfo.Token
	method := got(approle.NewAppRoleAuth(id, &approle.SecretID{FromString: wrapped},
		approle.WithMountPath(path), approle.WithWrappingToken()))(t)
	own := client(t, "")
	login := got(own.Auth().Login(ctx, method))(t)
	same(t, login.Auth.LeaseDuration, 6)
	renewals, err := watch(t, own, &api.LifetimeWatcherInput{Secret: login}, 2)
	must(t, err)
	same(t, renewals, 2)
	_, err = own.Auth().Login(ctx, got(approle.NewAppRoleAuth(id,
		&approle.SecretID{FromString: "none"}, approle.WithMountPath(path)))(t))
	refused(t, err, 400, "invalid role or secret ID")
}
