//! What became of a thing that an engine keeps, from one state of the store to another.

/// One thing that is not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What people call it, below its mount.
    pub path: String,
    /// The path at which it is read.
    pub read: String,
    /// What became of it.
    pub change: Change,
    /// More on that, in a few words; may be empty.
    pub about: String,
}

/// What became of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It was not there.
    Added,
    /// It is another.
    Changed,
    /// It is not there any more.
    Deleted,
}

impl Change {
    /// As it is shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Deleted => "deleted",
        }
    }

    /// What became of something that was `before` and is `after`; `None` where that is the same.
    pub fn between<T: PartialEq>(before: &Option<T>, after: &Option<T>) -> Option<Self> {
        match (before, after) {
            (None, Some(_)) => Some(Self::Added),
            (Some(_), None) => Some(Self::Deleted),
            (before, after) => (before != after).then_some(Self::Changed),
        }
    }
}

impl Difference {
    /// What became of the thing that is read at `path`.
    pub fn at(path: impl Into<String>, change: Change) -> Self {
        let path = path.into();
        Self { read: path.clone(), path, change, about: String::new() }
    }
}
