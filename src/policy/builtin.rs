//! The texts of policies that are there from the start.

/// The text of [`DEFAULT`](crate::base::policies::DEFAULT) in a new store.
pub const DEFAULT_TEXT: &str = include_str!("default.hcl");

/// The text of [`RESPONSE_WRAPPING`](crate::base::policies::RESPONSE_WRAPPING).
pub const RESPONSE_WRAPPING_TEXT: &str = "
path \"cubbyhole/response\" {
    capabilities = [\"create\", \"read\"]
}

path \"sys/wrapping/unwrap\" {
    capabilities = [\"update\"]
}
";
