//! The name of a policy.

use std::fmt;

use crate::base::policies;

/// A policy's name: in lower case, without spaces around it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// What `text` names.
    pub fn of(text: &str) -> Self {
        Self(text.trim().to_lowercase())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the policy is the program's own, and can be neither written nor deleted.
    pub fn is_fixed(&self) -> bool {
        [policies::ROOT, policies::RESPONSE_WRAPPING, policies::CONTROL_GROUP]
            .contains(&self.as_str())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
