//! The names of policies that mean something by themselves.

/// Everything is allowed to it. It has no text.
pub const ROOT: &str = "root";
/// Every token has it unless it is made without; an ordinary one, but that it cannot be deleted.
pub const DEFAULT: &str = "default";
/// The one policy of a token that holds a wrapped answer.
pub const RESPONSE_WRAPPING: &str = "response-wrapping";
/// A name that Vault keeps to itself.
pub const CONTROL_GROUP: &str = "control-group";
