//! Which of the servers that can be named a client is for.

use crate::base::variable::Variable;

/// One of them. What helps is told in its own flags and variables: those of the other do nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// That of every command: `-ca-cert`, `VAULT_CACERT`.
    #[default]
    Server,
    /// That which an import reads: `-from-ca-cert`, `EDGEKEEP_FROM_CACERT`.
    Source,
    /// That which has the unseal key: `tls_ca_cert` in `seal "transit"`.
    Seal,
}

impl End {
    /// A variable of the environment.
    pub fn variable(self, variable: Variable) -> String {
        let before = match self {
            Self::Server => "VAULT_",
            Self::Source => "EDGEKEEP_FROM_",
            Self::Seal => {
                return format!("{} of the seal", key_of_seal(variable).unwrap_or("a setting"));
            }
        };
        format!("{before}{}", variable.name())
    }

    /// Whether it can be said there at all.
    pub(super) fn has(self, variable: Variable) -> bool {
        self != Self::Seal || key_of_seal(variable).is_some()
    }

    /// The flag that stands before a variable, where there is one.
    pub fn flag(self, variable: Variable) -> Option<String> {
        let before = match self {
            Self::Server => "-",
            Self::Source => "-from-",
            Self::Seal => return None,
        };
        variable.flag().map(|flag| format!("{before}{flag}"))
    }

    /// What a setting is said with.
    pub(super) fn says(self, variable: Variable) -> String {
        let by = self.variable(variable);
        self.flag(variable).map_or_else(|| by.clone(), |flag| format!("{flag} or {by}"))
    }

    /// How it is given more time to answer, behind a sentence.
    pub fn longer(self) -> String {
        match self.has(Variable::ClientTimeout) {
            true => format!(" {} gives it longer", self.variable(Variable::ClientTimeout)),
            false => String::new(),
        }
    }

    /// How another address is tried.
    pub(super) fn at(self, address: &str) -> String {
        match self {
            Self::Server => format!("export {}={address}", self.variable(Variable::Addr)),
            // A flag of before would win over the variable.
            Self::Source => {
                let flag = self.flag(Variable::Addr).unwrap_or_default();
                format!("{flag}={address}")
            }
            Self::Seal => format!("{} = \"{address}\"", self.variable(Variable::Addr)),
        }
    }
}

/// The key of the configuration that stands for a variable.
fn key_of_seal(variable: Variable) -> Option<&'static str> {
    Some(match variable {
        Variable::Addr => "address",
        Variable::Cacert => "tls_ca_cert",
        Variable::ClientCert => "tls_client_cert",
        Variable::ClientKey => "tls_client_key",
        Variable::TlsServerName => "tls_server_name",
        Variable::SkipVerify => "tls_skip_verify",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Error;
    use crate::client::address::Address;
    use crate::client::error::Trouble;

    #[test]
    fn nobody_is_sent_to_a_setting_that_is_not_there() {
        let address = Address::parse("http://127.0.0.1:8200").unwrap();
        let told =
            |end, trouble, proxy| Error::unreachable(end, &address, proxy, trouble).to_string();
        let late = told(End::Server, Trouble::Late, None);
        assert!(late.ends_with("overloaded? VAULT_CLIENT_TIMEOUT gives it longer"), "{late}");
        let late = told(End::Seal, Trouble::Late, None);
        assert!(late.ends_with("did not answer in time: is it overloaded?"), "{late}");
        let proxy = told(End::Seal, Trouble::Refused, Some("p:1"));
        assert!(proxy.ends_with(": check HTTPS_PROXY and HTTP_PROXY"), "{proxy}");
    }
}
