//! The policies that are there from the start.

/// The policy that allows everything. It has no text.
pub const ROOT: &str = "root";

/// The policy that tokens have unless they are made without it. It is an ordinary one, but that
/// it cannot be deleted.
pub const DEFAULT: &str = "default";

/// The policy of tokens that hold a wrapped answer.
pub const RESPONSE_WRAPPING: &str = "response-wrapping";

/// A name that Vault keeps to itself.
pub const CONTROL_GROUP: &str = "control-group";

/// The text of [`DEFAULT`] in a new store.
pub const DEFAULT_TEXT: &str = include_str!("default.hcl");

/// The text of [`RESPONSE_WRAPPING`].
pub const RESPONSE_WRAPPING_TEXT: &str = "
path \"cubbyhole/response\" {
    capabilities = [\"create\", \"read\"]
}

path \"sys/wrapping/unwrap\" {
    capabilities = [\"update\"]
}
";
