//! How results are printed.

use super::stop::meant;

/// What `-format` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Table,
    /// JSON, indented by two spaces.
    Json,
    /// YAML.
    Yaml,
    /// The server's answer as it came.
    Raw,
    /// A page for people, of the few commands that have one.
    Pretty,
}

impl Format {
    /// Reads a format's name, in any case.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "table" | "" => Ok(Self::Table),
            "json" => Ok(Self::Json),
            "yaml" | "yml" => Ok(Self::Yaml),
            "raw" => Ok(Self::Raw),
            "pretty" => Ok(Self::Pretty),
            odd => {
                let known = ["table", "json", "yaml", "raw", "pretty"];
                Err(meant(format!("Invalid output format: {text}"), odd, known))
            }
        }
    }
}
