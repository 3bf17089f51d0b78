//! How a standby stands, as health and the seal's status tell it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::base::clock::{Clock, Timestamp};
use crate::snapshot::follow::{Follower, Status};

/// A server that may be a standby.
#[derive(Clone)]
pub struct Standby {
    /// Who follows, where it was started to.
    pub follower: Option<Arc<Follower>>,
    /// Tells how long ago something was.
    pub clock: Arc<dyn Clock>,
}

impl Standby {
    /// How it stands while it follows.
    pub fn status(&self) -> Option<Status> {
        let follower = self.follower.as_ref().filter(|follower| follower.is_following())?;
        Some(follower.status())
    }

    /// Adds to an answer whom it follows, and how far it is.
    pub fn add_to(&self, status: &Status, answer: &mut Map<String, Value>) {
        let place = status.place;
        let follows = json!({
            "target": self.follower.as_ref().map(|follower| follower.name()),
            "store_id": status.store_id,
            "timeline": place.map(|place| place.timeline.to_string()),
            "revision": place.map(|place| place.revision),
            "time": place.and_then(|place| place.time).map(Timestamp::rfc3339),
            "behind": status.behind(),
            "looked": status.looked.map(Timestamp::rfc3339),
            "unsure_seconds": status.unsure(&*self.clock).as_secs(),
        });
        answer.insert("follows".to_owned(), follows);
    }
}
