// Package clients runs Vault's own Go client against a server that was just started.
package clients

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

var (
	ctx     = context.Background()
	shares  []string
	token   string
	numbers int
)

// TestMain initializes and unseals the server through the client itself.
func TestMain(m *testing.M) {
	if err := openUp(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func openUp() error {
	nobody, err := api.NewClient(api.DefaultConfig())
	if err != nil {
		return err
	}
	if there, err := nobody.Sys().InitStatus(); err != nil || there {
		return fmt.Errorf("initialized: %v, %v", there, err)
	}
	made, err := nobody.Sys().Init(&api.InitRequest{SecretShares: 3, SecretThreshold: 2})
	if err != nil {
		return err
	}
	shares, token = made.KeysB64, made.RootToken
	for _, share := range shares[:2] {
		if _, err := nobody.Sys().Unseal(share); err != nil {
			return err
		}
	}
	return nil
}

// client asks by that token; with none, without.
func client(t *testing.T, token string) *api.Client {
	t.Helper()
	config := api.DefaultConfig()
	must(t, config.Error)
	// A refusal of a server that is sealed is no reason to wait.
	config.MaxRetries = 0
	made := got(api.NewClient(config))(t)
	made.SetToken(token)
	return made
}

func root(t *testing.T) *api.Client {
	t.Helper()
	return client(t, token)
}

// withPolicy asks by a new token of that policy.
func withPolicy(t *testing.T, text string) *api.Client {
	t.Helper()
	name := fresh("policy")
	must(t, root(t).Sys().PutPolicy(name, text))
	request := &api.TokenCreateRequest{Policies: []string{name}}
	return client(t, got(root(t).Auth().Token().Create(request))(t).Auth.ClientToken)
}

// fresh is a name that no other test has.
func fresh(name string) string {
	numbers++
	return fmt.Sprintf("%s-%d", name, numbers)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// got is the value of a call that may not fail: got(call())(t).
func got[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		must(t, err)
		return value
	}
}

func same(t *testing.T, is, want any) {
	t.Helper()
	// Numbers in answers are json.Number.
	if !reflect.DeepEqual(is, want) && fmt.Sprint(is) != fmt.Sprint(want) {
		t.Fatalf("%#v, not %#v", is, want)
	}
}

// refused holds that a call failed by that status, with these words.
func refused(t *testing.T, err error, status int, words string) {
	t.Helper()
	var answer *api.ResponseError
	if !errors.As(err, &answer) || answer.StatusCode != status {
		t.Fatalf("%v, not %d", err, status)
	}
	if !strings.Contains(err.Error(), words) {
		t.Fatalf("%v does not say %q", err, words)
	}
}

func dead(t *testing.T, token string) bool {
	t.Helper()
	_, err := client(t, token).Auth().Token().LookupSelf()
	var answer *api.ResponseError
	return errors.As(err, &answer) && answer.StatusCode == http.StatusForbidden
}

// eventually waits until it holds.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to hold")
		}
		time.Sleep(50 * time.Millisecond)
	}
}
