//! Which of the servers that a command line can name a client is for.

use crate::base::variable::Variable;

/// One of them. What helps is told in its own flags and variables: those of the other do nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// That of every command: `-ca-cert`, `VAULT_CACERT`.
    #[default]
    Server,
    /// That which an import reads: `-from-ca-cert`, `EDGEKEEP_FROM_CACERT`.
    Source,
}

impl End {
    /// A variable of the environment.
    pub fn variable(self, variable: Variable) -> String {
        let before = match self {
            Self::Server => "VAULT_",
            Self::Source => "EDGEKEEP_FROM_",
        };
        format!("{before}{}", variable.name())
    }

    /// The flag that stands before a variable, where there is one.
    pub fn flag(self, variable: Variable) -> Option<String> {
        let before = match self {
            Self::Server => "-",
            Self::Source => "-from-",
        };
        variable.flag().map(|flag| format!("{before}{flag}"))
    }

    /// What a setting is said with.
    pub(super) fn says(self, variable: Variable) -> String {
        let by = self.variable(variable);
        self.flag(variable).map_or_else(|| by.clone(), |flag| format!("{flag} or {by}"))
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
        }
    }
}
