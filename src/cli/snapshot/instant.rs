//! An instant that a target leads to, as every command has it named: `NAME@INSTANT`, or a target
//! and the options that say which.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value};

use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::cli::stop::Stop;
use crate::snapshot::rewind::plan::{At, Wish};

/// An instant of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instant {
    /// The target's name, or the path of its folder.
    pub target: String,
    /// Which instant.
    pub wish: Wish,
}

impl Instant {
    /// Reads `NAME@INSTANT` or `NAME@INSTANT@TIMELINE`; `None` where there is no `@`.
    pub fn parse(text: &str) -> Result<Option<Self>, Stop> {
        let Some((before, last)) = text.rsplit_once('@') else { return Ok(None) };
        let timeline = last.parse::<Timeline>().ok();
        let (target, at) = match (timeline, before.rsplit_once('@')) {
            (Some(_), Some(both)) => both,
            _ => (before, last),
        };
        if target.is_empty() {
            return Err(Stop::Usage(format!("{text:?} names no target before the @")));
        }
        let wish = Wish { at: parse(at)?, timeline };
        Ok(Some(Self { target: target.to_owned(), wish }))
    }

    /// Whether the target is a folder, and not the name of one that somebody has set.
    pub fn is_of_folder(&self) -> bool {
        self.target.contains('/')
    }
}

/// Instant Options
#[derive(FromArgs, ArgsInfo)]
pub struct AtInstant {
    /// of a target, the instant: latest, or a time such as 2026-11-22T09:59:59Z, of which the last
    /// commit at it or before it is meant
    #[argh(option, arg_name = "time")]
    at: Option<String>,
    /// the instant by its commit
    #[argh(option, arg_name = "number")]
    revision: Option<u64>,
    /// the history, where several are possible
    #[argh(option, arg_name = "timeline")]
    timeline: Option<String>,
}

impl AtInstant {
    /// Whether any of them is given.
    pub const fn is_given(&self) -> bool {
        self.at.is_some() || self.revision.is_some() || self.timeline.is_some()
    }

    /// Which instant they mean: that, or `otherwise`.
    pub fn wish(&self, otherwise: Option<At>) -> Result<Wish, Stop> {
        let at = at(self.at.as_deref(), self.revision)?.or(otherwise);
        Ok(Wish { at: at.ok_or_else(which)?, timeline: timeline(self.timeline.as_deref())? })
    }
}

/// The instant that the options mean, if they mean one.
pub fn at(at: Option<&str>, revision: Option<u64>) -> Result<Option<At>, Stop> {
    match (at, revision) {
        (Some(_), Some(_)) => Err(Stop::Usage("Give -at or -revision, not both".into())),
        (None, revision) => Ok(revision.map(At::Revision)),
        (Some(text), None) => parse(text).map(Some),
    }
}

/// Which history is named.
pub fn timeline(given: Option<&str>) -> Result<Option<Timeline>, Stop> {
    let wrong = |error| Stop::Usage(format!("-timeline: {error}"));
    given.map(str::parse).transpose().map_err(wrong)
}

/// An instant in one word.
pub fn parse(text: &str) -> Result<At, Stop> {
    let revision = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok());
    if text == "latest" {
        Ok(At::Latest)
    } else if let Some(revision) = revision.flatten() {
        Ok(At::Revision(revision))
    } else if let Some(time) = Timestamp::parse_rfc3339(text) {
        Ok(At::Time(time))
    } else {
        Err(Stop::Usage(format!(
            "{text:?} is no instant: write 2026-11-22T09:59:59Z (a time in RFC 3339), latest, or \
             the number of a revision"
        )))
    }
}

/// One was named more than once, or a file was.
pub fn twice() -> Stop {
    Stop::Usage("A target has no FILE: name the instant once, with -at".into())
}

/// None was named.
pub fn which() -> Stop {
    let text = "Which instant? Name one with -at (2026-11-22T09:59:59Z, or latest) or -revision";
    Stop::Usage(text.into())
}

/// The instant as a server is asked for it.
pub fn fields(wish: &Wish) -> Map<String, Value> {
    let (name, value) = match wish.at {
        At::Latest => ("at", "latest".into()),
        At::Time(time) => ("at", time.rfc3339().into()),
        At::Revision(revision) => ("revision", revision.into()),
    };
    let timeline = wish.timeline.map(|timeline| ("timeline", timeline.to_string().into()));
    let all = [(name, value)].into_iter().chain(timeline);
    all.map(|(name, value): (&str, Value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::{At, Instant, Timestamp, Wish};

    fn parsed(text: &str) -> Option<(String, Wish)> {
        Instant::parse(text).unwrap().map(|instant| (instant.target, instant.wish))
    }

    #[test]
    fn an_instant_is_read_behind_its_target() {
        let of = |target: &str, at, timeline: Option<&str>| {
            let timeline = timeline.map(|text| text.parse().unwrap());
            Some((target.to_owned(), Wish { at, timeline }))
        };
        let time = At::Time(Timestamp::from_secs(1_795_341_599));
        let line = "2-0011223344556677";
        assert_eq!(parsed("box@latest"), of("box", At::Latest, None));
        assert_eq!(parsed("box@4711"), of("box", At::Revision(4711), None));
        assert_eq!(parsed("box@2026-11-22T09:59:59Z"), of("box", time, None));
        assert_eq!(parsed(&format!("box@7@{line}")), of("box", At::Revision(7), Some(line)));
        assert_eq!(parsed("/mnt/a@b@latest"), of("/mnt/a@b", At::Latest, None));
        assert_eq!(parsed("box"), None);
        for wrong in ["box@", "@latest", "box@yesterday", "box@-1", &format!("box@{line}")] {
            assert!(Instant::parse(wrong).is_err(), "{wrong}");
        }
    }
}
