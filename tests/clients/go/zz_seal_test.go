package clients

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/hashicorp/vault/api"
)

func unseal(t *testing.T) {
	t.Helper()
	for _, share := range shares[:2] {
		got(client(t, "").Sys().Unseal(share))(t)
	}
}

func TestSealing(t *testing.T) {
	sys := client(t, "").Sys()
	must(t, root(t).Sys().Seal())
	same(t, got(sys.SealStatus())(t).Sealed, true)
	same(t, got(sys.Health())(t).Sealed, true)
	_, err := root(t).Sys().ListMounts()
	refused(t, err, http.StatusServiceUnavailable, "Vault is sealed")
	same(t, got(sys.Unseal(shares[0]))(t).Progress, 1)
	same(t, got(sys.ResetUnsealProcess())(t).Progress, 0)
	_, err = sys.Unseal("bm8gc2hhcmU=")
	refused(t, err, http.StatusBadRequest, "")
	options := &api.UnsealOpts{Key: shares[2], Migrate: false}
	got(sys.UnsealWithOptions(options))(t)
	same(t, got(sys.Unseal(shares[1]))(t).Sealed, false)
	health := got(sys.Health())(t)
	same(t, health.Initialized, true)
	status := got(sys.SealStatus())(t)
	same(t, status.T, 2)
	same(t, health.ClusterID, status.ClusterID)
	same(t, got(sys.Leader())(t).HAEnabled, false)
	must(t, root(t).Sys().StepDown())
}

func TestKeyring(t *testing.T) {
	sys := root(t).Sys()
	before := got(sys.KeyStatus())(t)
	must(t, sys.Rotate())
	after := got(sys.KeyStatus())(t)
	same(t, after.Term, before.Term+1)
	same(t, after.InstallTime.IsZero(), false)
}

func TestRekey(t *testing.T) {
	sys := root(t).Sys()
	same(t, got(sys.RekeyStatus())(t).Started, false)
	begun := got(sys.RekeyInit(&api.RekeyInitRequest{
		SecretShares: 3, SecretThreshold: 2, RequireVerification: true,
	}))(t)
	got(sys.RekeyUpdate(shares[0], begun.Nonce))(t)
	made := got(sys.RekeyUpdate(shares[1], begun.Nonce))(t)
	same(t, made.Complete, true)
	same(t, got(sys.RekeyVerificationStatus())(t).Progress, 0)
	got(sys.RekeyVerificationUpdate(made.KeysB64[0], made.VerificationNonce))(t)
	verified := got(sys.RekeyVerificationUpdate(made.KeysB64[2], made.VerificationNonce))(t)
	same(t, verified.Complete, true)
	shares = made.KeysB64
	must(t, sys.Seal())
	unseal(t)
	got(sys.RekeyInit(&api.RekeyInitRequest{SecretShares: 3, SecretThreshold: 2}))(t)
	must(t, sys.RekeyCancel())
}

func TestGeneratingARootToken(t *testing.T) {
	sys := client(t, "").Sys()
	same(t, got(sys.GenerateRootStatus())(t).Started, false)
	begun := got(sys.GenerateRootInit("", ""))(t)
	got(sys.GenerateRootUpdate(shares[0], begun.Nonce))(t)
	made := got(sys.GenerateRootUpdate(shares[1], begun.Nonce))(t)
	same(t, made.Complete, true)
	masked := got(base64.RawStdEncoding.DecodeString(made.EncodedToken))(t)
	for at := range masked {
		masked[at] ^= begun.OTP[at]
	}
	own := client(t, string(masked))
	same(t, got(own.Auth().Token().LookupSelf())(t).Data["policies"], []any{"root"})
	must(t, own.Auth().Token().RevokeSelf(""))
	got(sys.GenerateRootInit("", ""))(t)
	must(t, sys.GenerateRootCancel())
}

func TestSnapshots(t *testing.T) {
	mount := mountKv(t, "1")
	kv := root(t).KVv1(mount)
	must(t, kv.Put(ctx, "a", map[string]any{"n": "before"}))
	var taken bytes.Buffer
	must(t, root(t).Sys().RaftSnapshot(&taken))
	for _, force := range []bool{false, true} {
		must(t, kv.Put(ctx, "a", map[string]any{"n": "after"}))
		// A body of no known length and without a type.
		must(t, root(t).Sys().RaftSnapshotRestore(bytes.NewReader(taken.Bytes()), force))
		if got(client(t, "").Sys().SealStatus())(t).Sealed {
			unseal(t)
		}
		same(t, got(kv.Get(ctx, "a"))(t).Data["n"], "before")
	}
	refused(t, root(t).Sys().RaftSnapshotRestore(bytes.NewReader([]byte("none")), false), 400, "")
}
