//! The keys of `seal "KIND"`.

use super::{Form, Key, Said, Table, ignored, key, with_env};
use crate::base::variable::Variable;

/// A key that a variable says where the file has none of these.
const fn without(key: Key, env: Variable, keys: &'static [&'static str]) -> Key {
    Key { env: Some(Said::Without(env, keys)), ..key }
}

/// Who gives one of them in the file gives all.
const TLS: &[&str] =
    &["tls_ca_cert", "tls_client_cert", "tls_client_key", "tls_server_name", "tls_skip_verify"];

const DISABLED: Key = key(
    "disabled",
    Form::Flag,
    "false",
    "The store is to leave this seal: `operator unseal -migrate` does it.",
);

/// `seal "shamir"`.
pub static SEAL_SHAMIR: Table = Table {
    title: "seal \"shamir\"",
    help: "The unseal key is split among people: they open the store after each start.",
    keys: &[DISABLED],
};

/// `seal "static"`.
pub static SEAL_STATIC: Table = Table {
    title: "seal \"static\"",
    help: "A key of 32 bytes that lies elsewhere opens the store after each start, without people: \
           on a stick that stays plugged in, in a credential of systemd. Where it is not there \
           the server waits, sealed, and opens the store when it comes. Keys are bytes, or their \
           hex or base64. `src/barrier/seal/README.md` tells what this protects against.",
    keys: &[
        key("current_key_id", Form::Text, "", "The key's name, which is stored beside the store."),
        key(
            "current_key",
            Form::Text,
            "",
            "The key: file://, env:// or systemd:// of it, or the key itself.",
        ),
        key("previous_key_id", Form::Text, "", "The name of the key before it."),
        key(
            "previous_key",
            Form::Text,
            "",
            "That key, in the same way: it opens the store once more, which then goes over to the \
             current one.",
        ),
        DISABLED,
    ],
};

/// `seal "transit"`.
pub static SEAL_TRANSIT: Table = Table {
    title: "seal \"transit\"",
    help: "The transit engine of another Vault or OpenBao has the key that opens the store after \
           each start. Where that server is away this one waits, sealed, and opens the store when \
           it comes. The token needs `update` on `MOUNT/encrypt/KEY` and `MOUNT/decrypt/KEY`; one \
           with a period is renewed as long as this server is open.",
    keys: &[
        without(key("address", Form::Url, "", "The server."), Variable::Addr, &["address"]),
        without(
            key(
                "token",
                Form::Text,
                "",
                "The token: file://, env:// or systemd:// of it, or itself.",
            ),
            Variable::Token,
            &["token"],
        ),
        with_env(key("key_name", Form::Text, "", "The key there."), Variable::TransitKeyName),
        with_env(
            key("mount_path", Form::Text, "transit", "Where the engine is mounted there."),
            Variable::TransitMountPath,
        ),
        with_env(
            key("disable_renewal", Form::Flag, "false", "Somebody else renews the token."),
            Variable::TransitDisableRenewal,
        ),
        without(
            key("tls_ca_cert", Form::Path, "", "A PEM file of authorities, not the system's."),
            Variable::Cacert,
            TLS,
        ),
        without(
            key("tls_client_cert", Form::Path, "", "Who we are: a PEM file of a certificate."),
            Variable::ClientCert,
            TLS,
        ),
        without(key("tls_client_key", Form::Path, "", "Its key."), Variable::ClientKey, TLS),
        without(
            key("tls_server_name", Form::Text, "", "The name that the server's certificate bears."),
            Variable::TlsServerName,
            TLS,
        ),
        without(
            key("tls_skip_verify", Form::Flag, "false", "Believe any certificate."),
            Variable::SkipVerify,
            TLS,
        ),
        with_env(key("namespace", Form::Text, "", "Refused: there are none."), Variable::Namespace),
        DISABLED,
    ],
};

/// `seal "tpm2"`.
pub static SEAL_TPM2: Table = Table {
    title: "seal \"tpm2\"",
    help: "The TPM 2.0 of this board opens the store after each start; no other board does. It is \
           asked through the system's tpm2-tools, which must be installed. What a change of its \
           PCRs locks out, recovery keys open: before firmware is updated that they measure, have \
           those at hand, or change the seal.",
    keys: &[
        key(
            "pcrs",
            Form::List,
            "",
            "PCRs of the bank sha256, such as 0 and 7, that must stay as they are now.",
        ),
        key("tcti", Form::Text, "", "How the chip is reached, as TPM2TOOLS_TCTI says it."),
        DISABLED,
    ],
};

/// `seal "pkcs11"`.
pub static SEAL_PKCS11: Table = Table {
    title: "seal \"pkcs11\"",
    help: "An AES key in a security module or on a card opens the store after each start. It is \
           asked through OpenSC's `pkcs11-tool`, which must be installed: `pkcs11-tool --module \
           LIB --token-label TOKEN --login --keygen --key-type AES:32 --label KEY --id 01` makes \
           one.",
    keys: &[
        with_env(key("lib", Form::Path, "", "The module's library."), Variable::HsmLib),
        with_env(
            key("token_label", Form::Text, "", "The token's label; or say slot."),
            Variable::HsmTokenLabel,
        ),
        with_env(key("slot", Form::Text, "", "The number of the token's slot."), Variable::HsmSlot),
        with_env(
            key("pin", Form::Text, "", "The PIN: file://, env:// or systemd:// of it, or itself."),
            Variable::HsmPin,
        ),
        with_env(
            key("key_id", Form::Text, "", "The key's id, in hex: `pkcs11-tool -O` shows it."),
            Variable::HsmKeyId,
        ),
        with_env(
            key("mechanism", Form::Word(MECHANISMS), "ckm_aes_cbc_pad", "What the key does."),
            Variable::HsmMechanism,
        ),
        ignored("key_label", "pkcs11-tool finds a key by its id: key_id"),
        ignored("hmac_key_label", "what is wrapped proves itself that it was not changed"),
        ignored("hmac_mechanism", "what is wrapped proves itself that it was not changed"),
        ignored("generate_key", "make the key with pkcs11-tool"),
        DISABLED,
    ],
};

const MECHANISMS: &[&str] = &["ckm_aes_cbc_pad", "0x1085"];
