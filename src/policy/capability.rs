//! What can be done on a path.

/// One capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// To make what is not there.
    Create,
    /// To remove.
    Delete,
    /// To list.
    List,
    /// To read.
    Read,
    /// To use paths that are guarded above the others; alone it gives nothing.
    Sudo,
    /// To change what is there.
    Update,
    /// To change a part of what is there.
    Patch,
    /// To bring back what a loaded snapshot has.
    Recover,
    /// Nothing, whatever else is given on the same path.
    Deny,
}

/// All but deny, in the order in which Vault shows them, with their names.
const SHOWN: [(Capability, &str); 8] = [
    (Capability::Create, "create"),
    (Capability::Delete, "delete"),
    (Capability::List, "list"),
    (Capability::Read, "read"),
    (Capability::Sudo, "sudo"),
    (Capability::Update, "update"),
    (Capability::Patch, "patch"),
    (Capability::Recover, "recover"),
];

impl Capability {
    /// The capability of that name.
    pub fn named(name: &str) -> Option<Self> {
        let shown =
            SHOWN.iter().find(|(_, shown)| *shown == name).map(|(capability, _)| *capability);
        shown.or_else(|| (name == "deny").then_some(Self::Deny))
    }
}

/// A set of capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(u16);

impl Capabilities {
    /// Adds one.
    pub fn add(&mut self, capability: Capability) {
        self.0 |= 1 << capability as u8;
    }

    /// Adds all of `other`.
    pub fn add_all(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether it denies.
    pub fn denies(self) -> bool {
        self.holds(Capability::Deny)
    }

    /// Whether `capability` is given: nothing is by a set that denies.
    pub fn gives(self, capability: Capability) -> bool {
        !self.denies() && self.holds(capability)
    }

    /// Whether anything is given.
    pub fn give_anything(self) -> bool {
        !self.denies() && self.0 != 0
    }

    /// The names as they are shown: a set that gives nothing is `deny`.
    pub fn names(self) -> Vec<&'static str> {
        if !self.give_anything() {
            return vec!["deny"];
        }
        SHOWN.iter().filter(|(one, _)| self.holds(*one)).map(|(_, name)| *name).collect()
    }

    fn holds(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u8) != 0
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        let mut set = Self::default();
        capabilities.into_iter().for_each(|capability| set.add(capability));
        set
    }
}
