//! `seal "KIND"`: what gives the unseal key.

use std::path::PathBuf;
use std::sync::Arc;

use super::keys::{self, Table};
use super::place::Place;
use super::section::{Entry, Section};
use super::{ConfigError, Environment, Warning};
use crate::barrier::seal::auto::{AutoSeal, Mechanism, Settings};
use crate::barrier::seal::static_key::NamedKey;
use crate::barrier::seal::{Kind, SHAMIR, pkcs11, static_key, tpm2, transit};
use crate::base::credential::Credential;
use crate::base::entropy::Entropy;
use crate::base::hex;
use crate::base::variable::Variable;

/// The seals that are configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealSettings {
    /// The automatic one in use; `None` where people hold the unseal key.
    pub present: Option<Settings>,
    /// The automatic one that is to be left.
    pub former: Option<Settings>,
    /// The variables of the environment that hold credentials, of the seals or of anything else.
    pub hidden: Vec<String>,
}

impl SealSettings {
    /// Both.
    pub fn all(&self) -> impl Iterator<Item = &Settings> {
        [&self.present, &self.former].into_iter().flatten()
    }

    /// The one in use itself.
    pub fn seal(&self, entropy: &Arc<dyn Entropy>) -> Option<Arc<dyn AutoSeal>> {
        self.present.clone().map(|settings| settings.seal(entropy.clone(), &self.hidden))
    }

    /// The one of that kind, in use or not.
    pub fn of(&self, kind: &Kind, entropy: &Arc<dyn Entropy>) -> Option<Arc<dyn AutoSeal>> {
        let found = self.all().find(|one| Some(one.mechanism()) == kind.mechanism());
        found.cloned().map(|settings| settings.seal(entropy.clone(), &self.hidden))
    }
}

/// Reads all `seal` blocks: one in use, and one that is `disabled`. Where none is in use the
/// environment may say which is.
pub(super) fn read<'a>(
    top: &Section<'a>,
    environment: &'a Environment<'a>,
    warnings: &mut Vec<Warning>,
) -> Result<SealSettings, ConfigError> {
    let (mut present, mut former) = (None, None);
    for entry in top.all("seal") {
        let name = entry.label()?.unwrap_or_default();
        let block = (entry.place(), entry.block()?);
        let (settings, disabled) = settings(name, block, environment, warnings)?;
        let place = if disabled { &mut former } else { &mut present };
        if place.replace(settings).is_some() {
            let (what, remedy) = if disabled {
                ("a second seal that is disabled", "keep the one that the store is under")
            } else {
                ("a second seal", "set disabled = \"true\" in the one that is to be left")
            };
            return Err(entry.error(what, remedy));
        }
        must_differ(&entry.place(), &present, &former)?;
    }
    if let Some(given) = environment(Variable::SealType) {
        let at = Place::variable(&given.by);
        let here = present.as_ref().map(kind);
        match here {
            Some(here) if here == given.value => {}
            // That people hold the key is what holds without a word, too.
            None | Some(SHAMIR) => {
                let block = (at.clone(), Vec::new());
                let (settings, _) = settings(&given.value, block, environment, warnings)?;
                present = Some(settings);
                must_differ(&at, &present, &former)?;
            }
            Some(here) => {
                return Err(at.error(
                    format!("it says {:?}, and the configuration has seal {here:?}", given.value),
                    "say the same in both, or unset it: a seal is changed by a second section, \
                     with disabled = \"true\" in the one that is to be left",
                ));
            }
        }
    }
    let (present, former): (Option<Settings>, Option<Settings>) =
        (present.flatten(), former.flatten());
    let credentials = [&present, &former].into_iter().flatten().flat_map(Settings::credentials);
    let hidden = credentials.filter_map(|credential| match credential {
        Credential::Variable(name) => Some(name.clone()),
        _ => None,
    });
    let hidden = hidden.collect();
    Ok(SealSettings { present, former, hidden })
}

/// What a seal in use is called.
fn kind(settings: &Option<Settings>) -> &'static str {
    settings.as_ref().map_or(SHAMIR, |settings| settings.mechanism().name())
}

fn must_differ(
    at: &Place,
    present: &Option<Option<Settings>>,
    former: &Option<Option<Settings>>,
) -> Result<(), ConfigError> {
    if let (Some(Some(present)), Some(Some(former))) = (present, former)
        && Settings::mechanism(present) == Settings::mechanism(former)
    {
        return Err(at.error(
            "two seals of one kind",
            "keep the one in use; the older key of static is its previous_key, else open the \
             store with recovery keys and change those, which seals it anew",
        ));
    }
    Ok(())
}

/// An automatic seal, or `None` for people; and whether it is disabled.
fn settings<'a>(
    name: &str,
    (at, entries): (Place, Vec<Entry<'a>>),
    environment: &'a Environment<'a>,
    warnings: &mut Vec<Warning>,
) -> Result<(Option<Settings>, bool), ConfigError> {
    let mut found = Vec::new();
    let mut block = |table: &'static Table| {
        let section = Section::new(table, entries.clone(), environment, &mut found);
        Block { name: name.to_owned(), at: at.clone(), section }
    };
    let read = if name == SHAMIR {
        (None, block(&keys::SEAL_SHAMIR).section.flag(DISABLED)?)
    } else if name == Mechanism::Static.name() {
        let block = block(&keys::SEAL_STATIC);
        (Some(Settings::Static(block.static_key()?)), block.section.flag(DISABLED)?)
    } else if name == Mechanism::Transit.name() {
        let block = block(&keys::SEAL_TRANSIT);
        (Some(Settings::Transit(block.transit()?)), block.section.flag(DISABLED)?)
    } else if name == Mechanism::Tpm2.name() {
        let block = block(&keys::SEAL_TPM2);
        (Some(Settings::Tpm2(block.tpm2()?)), block.section.flag(DISABLED)?)
    } else if name == Mechanism::Pkcs11.name() {
        let block = block(&keys::SEAL_PKCS11);
        (Some(Settings::Pkcs11(block.pkcs11()?)), block.section.flag(DISABLED)?)
    } else {
        return Err(at.error(
            format!("seal {name:?} is not supported"),
            "name one of shamir, static, transit, tpm2 and pkcs11, or leave the section out: the \
             keys that operator init gives unseal the server then",
        ));
    };
    warnings.extend(found);
    if let Some(Settings::Transit(transit)) = &read.0
        && let Some(why) = is_overheard(transit)
    {
        warnings.push(at.warning(format!(
            "{why}: who is on the way learns the token of seal {name:?} and the unseal key: use \
             https:// and tls_ca_cert"
        )));
    }
    if read.0.as_ref().is_some_and(has_literal) {
        warnings.push(at.warning(format!(
            "the secret of seal {name:?} stands in the configuration itself: name a file elsewhere \
             (file:///PATH) or a credential (systemd://NAME)"
        )));
    }
    Ok(read)
}

/// Whether everybody learns a secret who reads the configuration.
fn has_literal(settings: &Settings) -> bool {
    settings.credentials().iter().any(|credential| matches!(credential, Credential::Literal(_)))
}

/// Why others may listen to what is said to another machine.
fn is_overheard(transit: &transit::Settings) -> Option<&'static str> {
    let plain = transit.address.strip_prefix("http://");
    match plain {
        Some(host) if !is_this_machine(host) => Some("the address is http://"),
        None if transit.skip_verify => Some("tls_skip_verify believes any certificate"),
        _ => None,
    }
}

/// Whether what follows `http://` names the loopback.
fn is_this_machine(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

const DISABLED: &str = "disabled";

/// One block, and where it stands.
struct Block<'a> {
    /// What its seal is called.
    name: String,
    at: Place,
    section: Section<'a>,
}

impl Block<'_> {
    fn static_key(&self) -> Result<static_key::Settings, ConfigError> {
        let Some(current) = self.named_key("current_key_id", "current_key")? else {
            return Err(self.at.error(
                "seal \"static\" without current_key",
                "name the file of the key: current_key_id = \"1\" and current_key = \
                 \"file:///PATH\"; `openssl rand -out PATH 32` makes one",
            ));
        };
        let previous = self.named_key("previous_key_id", "previous_key")?;
        if previous.as_ref().is_some_and(|previous| previous.id == current.id) {
            let what = "previous_key_id is current_key_id, too";
            return Err(self.at.error(what, "give each key a name of its own"));
        }
        Ok(static_key::Settings { current, previous })
    }

    fn named_key(
        &self,
        id: &'static str,
        key: &'static str,
    ) -> Result<Option<NamedKey>, ConfigError> {
        match (self.section.text(id)?, self.credential(key)?) {
            (None, None) => Ok(None),
            (Some(id), Some(credential)) => {
                if let Credential::Literal(secret) = &credential
                    && static_key::parse(secret.expose()).is_none()
                {
                    return Err(self.place(key).error(
                        format!("{key} is not 32 bytes, as they are or in hex or base64"),
                        "name the file of the key instead: file:///PATH",
                    ));
                }
                Ok(Some(NamedKey { id, key: credential }))
            }
            (Some(_), None) => {
                Err(self.at.error(format!("{id} without {key}"), format!("add {key}")))
            }
            (None, Some(_)) => Err(self
                .at
                .error(format!("{key} without {id}"), format!("give it a name: {id} = \"1\""))),
        }
    }

    fn transit(&self) -> Result<transit::Settings, ConfigError> {
        if self.section.text("namespace")?.is_some() {
            return Err(self.place("namespace").error(
                "a namespace of the transit seal",
                "name the whole path of the engine in mount_path: NAMESPACE/transit",
            ));
        }
        let address = self.section.url("address")?.ok_or_else(|| self.missing("address"))?;
        let mount = self.section.text("mount_path")?.unwrap_or_default();
        let path = |name: &'static str| Ok(self.section.path(name)?.map(|path| path.to_path_buf()));
        let settings = transit::Settings {
            address,
            token: self.credential("token")?.ok_or_else(|| self.missing("token"))?,
            key_name: self.needed("key_name")?,
            mount_path: mount.trim_matches('/').to_owned(),
            ca_cert: path("tls_ca_cert")?,
            client_cert: path("tls_client_cert")?,
            client_key: path("tls_client_key")?,
            server_name: self.section.text("tls_server_name")?,
            skip_verify: self.section.flag("tls_skip_verify")?,
            disable_renewal: self.section.flag("disable_renewal")?,
        };
        if settings.client_cert.is_some() != settings.client_key.is_some() {
            return Err(self.at.error(
                "a client certificate needs its key",
                "name both tls_client_cert and tls_client_key",
            ));
        }
        Ok(settings)
    }

    fn tpm2(&self) -> Result<tpm2::Settings, ConfigError> {
        let mut pcrs = Vec::new();
        for text in self.section.list("pcrs")? {
            let pcr = text.parse().ok().filter(|pcr| *pcr < 24);
            pcrs.push(pcr.ok_or_else(|| {
                self.place("pcrs").error(format!("{text:?} is no PCR"), "name some of 0 to 23")
            })?);
        }
        pcrs.sort_unstable();
        pcrs.dedup();
        Ok(tpm2::Settings { pcrs, tcti: self.section.text("tcti")? })
    }

    fn pkcs11(&self) -> Result<pkcs11::Settings, ConfigError> {
        self.section.word("mechanism")?;
        let key_id = self.needed("key_id")?.to_lowercase();
        let key_id = key_id.strip_prefix("0x").unwrap_or(&key_id).to_owned();
        if hex::decode(&key_id).is_none_or(|id| id.is_empty()) {
            return Err(self.place("key_id").error(
                format!("key_id {key_id:?} is no id"),
                "write its bytes in hex, as `pkcs11-tool -O` shows it",
            ));
        }
        let lib: Option<PathBuf> = self.section.path("lib")?.map(|path| path.to_path_buf());
        let by_variable = |key| self.section.by_variable(key).is_some();
        let (label, slot) = (self.section.text("token_label")?, self.section.text("slot")?);
        // What the environment says in one way goes before what the file says in the other.
        let label = label.filter(|_| by_variable("token_label") || !by_variable("slot"));
        let slot = slot.filter(|_| by_variable("slot") || !by_variable("token_label"));
        let token = match (label, slot) {
            (Some(label), None) => pkcs11::Token::Label(label),
            (None, Some(slot)) => pkcs11::Token::Slot(self.slot(&slot)?),
            _ => {
                let what = "seal \"pkcs11\" names one token";
                return Err(self.at.error(what, "say either token_label or slot"));
            }
        };
        Ok(pkcs11::Settings {
            lib: lib.ok_or_else(|| self.missing("lib"))?,
            token,
            pin: self.credential("pin")?.ok_or_else(|| self.missing("pin"))?,
            key_id,
        })
    }

    /// The number of a slot, in decimal or hex.
    fn slot(&self, text: &str) -> Result<u64, ConfigError> {
        let number = match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        number.map_err(|_| {
            let what = format!("slot {text:?} is no number");
            self.place("slot").error(what, "write it as `pkcs11-tool -L` shows it: 0 or 0x1f")
        })
    }

    fn needed(&self, key: &'static str) -> Result<String, ConfigError> {
        self.section.text(key)?.ok_or_else(|| self.missing(key))
    }

    fn missing(&self, key: &str) -> ConfigError {
        self.at.error(format!("seal {:?} without {key}", self.name), format!("add {key}"))
    }

    fn credential(&self, key: &'static str) -> Result<Option<Credential>, ConfigError> {
        let Some(text) = self.section.text(key)? else { return Ok(None) };
        // It stays where it is, and is the credential itself whatever it looks like.
        if let Some(given) = self.section.by_variable(key) {
            return Ok(Some(Credential::Variable(given.by)));
        }
        let read = Credential::parse(&text);
        read.map(Some).map_err(|error| self.place(key).error(format!("{key}: {error}"), ""))
    }

    fn place(&self, key: &str) -> Place {
        match self.section.by_variable(key) {
            Some(given) => Place::variable(&given.by),
            None => self.section.last(key).map_or_else(|| self.at.clone(), |entry| entry.place()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn this_machine_is_the_loopback() {
        for rest in ["localhost:8200", "127.0.0.1", "127.3.2.1:8200/", "[::1]:8200/x", "LOCALHOST"]
        {
            assert!(is_this_machine(rest), "{rest}");
        }
        for rest in ["vault.site:8200", "localhost.site", "10.0.0.1:8200", "[2001:db8::1]:8200", ""]
        {
            assert!(!is_this_machine(rest), "{rest}");
        }
    }
}
