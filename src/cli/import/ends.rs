//! Both servers, and what may be done here.

use super::report::{Fate, Told};
use super::server::{Server, Trouble};
use crate::base::entropy::Entropy;

/// From where, to where, and how far.
pub struct Ends {
    /// Where things come from: it is only read.
    pub from: Server,
    /// Where they come to.
    pub to: Server,
    /// Nothing is written.
    pub dry_run: bool,
    /// What differs here is replaced.
    pub overwrite: bool,
    /// For passwords.
    pub entropy: &'static dyn Entropy,
}

/// How a thing stands here.
pub enum Standing {
    /// Not at all.
    Absent,
    /// As it is there.
    Same,
    /// As it once was there.
    Behind,
    /// Otherwise: how.
    Differs(String),
}

impl Standing {
    /// Of a thing that is here and differs in these settings.
    pub fn of_differing(names: &[&str]) -> Self {
        match names {
            [] => Self::Same,
            names => Self::Differs(format!("set otherwise here: {}", names.join(", "))),
        }
    }
}

/// What is to be done to a thing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// Make it.
    Make,
    /// Put it in the place of another.
    Replace,
}

impl Ends {
    /// Does what a thing's standing asks for.
    pub fn settle(
        &self,
        standing: Standing,
        write: impl FnOnce(Write) -> Result<(), Trouble>,
    ) -> Result<Told, Trouble> {
        let (fate, how) = match standing {
            Standing::Same => return Ok(Told::plain(Fate::Unchanged)),
            Standing::Differs(how) if !self.overwrite => {
                return Ok(Told::because(Fate::Conflict, how));
            }
            Standing::Absent => (Fate::Came, Write::Make),
            Standing::Behind | Standing::Differs(_) => (Fate::Updated, Write::Replace),
        };
        if !self.dry_run {
            write(how)?;
        }
        Ok(Told::plain(fate))
    }
}
