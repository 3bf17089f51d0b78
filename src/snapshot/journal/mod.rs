//! The journal on its way: segments of it, as they lie on a target.

mod akin;
pub mod compact;
pub mod export;
pub mod segment;
