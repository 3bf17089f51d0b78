//! What is done in several calls: begun, given share by share, and told of meanwhile.

use argh::{ArgsInfo, FromArgs};

use crate::cli::stop::Stop;

/// Attempt Options
#[derive(FromArgs, ArgsInfo)]
pub struct Attempt {
    /// begin
    #[argh(switch)]
    init: bool,
    /// break off what was begun: all stays as it is
    #[argh(switch)]
    cancel: bool,
    /// tell how far it is
    #[argh(switch)]
    status: bool,
    /// nonce that -init gave; each share must come with it
    #[argh(option, arg_name = "string")]
    pub nonce: Option<String>,
}

/// What is to be done about an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It begins.
    Begin,
    /// It is broken off.
    Cancel,
    /// It is told how far it is.
    Status,
    /// A share is given.
    Provide,
}

impl Attempt {
    /// The one thing that is asked for: one of `others`, of which it is said whether the flag that
    /// is named was given, or else a step.
    pub fn asked<Act: From<Step>>(
        &self,
        others: impl IntoIterator<Item = (bool, &'static str, Act)>,
    ) -> Result<Act, Stop> {
        let steps = [
            (self.cancel, "-cancel", Step::Cancel),
            (self.init, "-init", Step::Begin),
            (self.status, "-status", Step::Status),
        ];
        let steps = steps.map(|(is, flag, step)| (is, flag, Act::from(step)));
        let mut asked = others.into_iter().chain(steps).filter(|(is, ..)| *is);
        match (asked.next(), asked.next()) {
            (Some((_, one, _)), Some((_, other, _))) => {
                Err(Stop::Usage(format!("Cannot use {one} with {other}!")))
            }
            (Some((.., act)), None) => Ok(act),
            (None, _) => Ok(Step::Provide.into()),
        }
    }
}
