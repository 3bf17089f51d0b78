//! Who somebody is, by whichever way they log in: entities with their aliases, and groups.
//!
//! An **entity** is one person or machine. Each of its **aliases** says who it is for one auth
//! method: a name there, and the accessor of that mount. A **group** has entities and other groups
//! as members, and what it is given is theirs; an external one gets its members from an auth
//! method, by its own alias. Names are matched without regard to case and kept as written.
//!
//! # For the pipeline
//!
//! All is stored in the scope of the mount at `identity/`, which every function is given.
//!
//! - [`login::login`] finds or makes the entity of somebody who has just logged in, and puts it
//!   into the external groups that the auth method names. It refuses who is disabled.
//! - [`login::refresh_groups`] does the last part of it alone: for the renewal of a token.
//! - [`subject::Subject::of`] is what a request's token stands for: the entity with all its groups.
//!   `None` means that the entity is gone, and its tokens are to be refused; so are those of one
//!   that [is disabled](record::Entity::disabled). An entity that was merged away is found in the
//!   one that it went into.
//! - [`sweep::forget_mount`] is called when an auth mount goes away for good, in the transaction
//!   that takes it out of the table; [`sweep::step`] then removes its aliases little by little.
//!
//! # How it is stored
//!
//! ```text
//! entity/ID                            record::Entity, its aliases in it
//! entity-name/NAME*                    Named
//! entity-alias/ALIAS_ID                Pointer to the entity
//! entity-alias-name/ACCESSOR/NAME*     Pointer to the entity
//! entity-group/ENTITY_ID/GROUP_ID      Mark
//! merged/ID                            Pointer to the entity that it went into
//! merged-into/ENTITY_ID/ID             Mark
//! group/ID                             record::Group, its alias in it
//! group-name/NAME*                     Named
//! group-alias/ALIAS_ID                 Pointer to the group
//! group-alias-name/ACCESSOR/NAME*      Pointer to the group
//! group-entity/GROUP_ID/ENTITY_ID      Mark
//! group-group/GROUP_ID/MEMBER_ID       Mark
//! group-parent/MEMBER_ID/GROUP_ID      Mark
//! gone/ID                              sweep::Gone
//! oidc/…                               see oidc
//! ```
//!
//! So each look-up is a read of one point, each listing one range, and a membership is two small
//! entries however many members there are. An entity's aliases stand in its record as they are
//! wanted with it, by each request of its tokens; one mount has at most one of them. `NAME*` is
//! a digest (`index`).

pub mod alias;
pub mod entity;
pub mod group;
pub mod group_alias;
mod index;
pub mod known;
pub mod login;
pub mod merge;
pub mod oidc;
pub mod record;
mod recover;
mod sent;
pub mod subject;
pub mod sweep;
#[cfg(test)]
mod tests;
