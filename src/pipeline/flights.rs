//! Which requests run, and the memory that they share. Each has a place for as long as it runs;
//! places are made beforehand, so that nobody waits for one.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::rights::Sender;
use crate::api::reply::{Response, ResponseBody};
use crate::api::request::{Method, Request};
use crate::audit::client::client_id;
use crate::base::clock::{Clock, Timestamp};
use crate::base::entropy::{Entropy, uuid};
use crate::base::meter::{Metered, Readings};
use crate::base::room::{Room, Share};
use crate::base::sync::{lock, try_lock};

/// Bytes of memory that a place keeps for its next path.
const KEPT: usize = 512;

/// The requests that run.
pub struct Flights {
    clock: Arc<dyn Clock>,
    /// With it the numbers of requests are made into names.
    run: [u8; 8],
    begun: AtomicU64,
    places: Box<[Mutex<Place>]>,
    room: Arc<Room>,
}

/// A request that runs, or room for one.
#[derive(Default)]
struct Place {
    /// Which one it is; `None` for room.
    number: Option<u64>,
    begun: Duration,
    method: Option<Method>,
    path: String,
    address: Option<IpAddr>,
    port: Option<u16>,
    client: Client,
}

/// Whose it is.
#[derive(Default)]
struct Client {
    /// An entity's id, or the policies of a token that has none.
    text: String,
    who: Who,
}

#[derive(Default)]
enum Who {
    #[default]
    Unknown,
    Entity,
    Token,
}

/// Between the policies of a token.
const BETWEEN: char = '\x7f';

/// A request that runs, until this is dropped.
pub struct Flight {
    flights: Arc<Flights>,
    place: Option<usize>,
    /// When it began, by the boot clock.
    pub begun: Duration,
    /// What it has taken of the memory that requests share.
    pub share: Arc<Share>,
}

impl Flights {
    /// Places for as many as run at once, with so many bytes of memory for all.
    pub fn new(most: usize, bytes: usize, clock: &Arc<dyn Clock>, entropy: &dyn Entropy) -> Self {
        let places = (0..most).map(|_| Mutex::default()).collect();
        let (clock, begun) = (clock.clone(), AtomicU64::new(0));
        Self { clock, run: entropy.bytes(), begun, places, room: Room::new(bytes) }
    }

    /// A request begins.
    pub fn enter(self: &Arc<Self>, request: &Request) -> Flight {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let begun = self.clock.boot();
        let free = |place: &Mutex<Place>| {
            try_lock(place).is_some_and(|mut place| place.take(number, begun, request))
        };
        let most = self.places.len();
        let start = usize::try_from(number).unwrap_or(0).checked_rem(most).unwrap_or(0);
        let place = (start..most).chain(0..start).find(|at| self.places.get(*at).is_some_and(free));
        let share = Arc::new(Share::new(&self.room));
        Flight { flights: self.clone(), place, begun, share }
    }

    /// How many run.
    fn count(&self) -> usize {
        self.places.iter().filter(|place| lock(place).number.is_some()).count()
    }

    /// Each by its name, with what Vault tells of it.
    pub fn show(&self) -> Map<String, Value> {
        let (boot, wall) = (self.clock.boot(), self.clock.wall());
        let shown = self.places.iter().filter_map(|place| {
            let place = lock(place);
            let number = place.number?.to_be_bytes();
            let mut name = [0; 16];
            name[..8].copy_from_slice(&self.run);
            name[8..].copy_from_slice(&number);
            let age = boot.saturating_sub(place.begun);
            Some((uuid(name), place.show(wall.minus(age))))
        });
        shown.collect()
    }
}

impl Metered for Flights {
    fn tell(&self, to: &mut Readings) {
        let count = self.count() as f64;
        to.cluster_gauge("vault.core.in_flight_requests", "Requests that run.", [], count);
        let help = "Bytes of memory that they share.";
        to.gauge("edgekeep.requests.worked_bytes", help, self.room.taken() as f64);
    }
}

impl Place {
    /// Takes it for a request, if there is room.
    fn take(&mut self, number: u64, begun: Duration, request: &Request) -> bool {
        if self.number.is_some() {
            return false;
        }
        self.path.push_str(&request.path);
        (self.number, self.begun, self.method) = (Some(number), begun, Some(request.method));
        (self.address, self.port) = (request.peer.address, request.peer.port);
        true
    }

    /// Makes room. What is short is kept, to be written over without asking for memory anew.
    fn leave(&mut self) {
        self.number = None;
        self.client.who = Who::Unknown;
        for text in [&mut self.path, &mut self.client.text] {
            text.clear();
            text.shrink_to(KEPT);
        }
    }

    fn show(&self, begun: Timestamp) -> Value {
        let address = match (self.address, self.port) {
            (Some(address), Some(port)) => SocketAddr::new(address, port).to_string(),
            _ => "@".to_owned(),
        };
        json!({
            "start_time": begun.rfc3339(),
            "client_remote_address": address,
            "request_path": format!("/v1/{}", self.path),
            "request_method": self.method.map_or("", Method::name),
            "client_id": self.client.id(),
        })
    }
}

impl Client {
    fn is(&mut self, sender: &Sender) {
        let token = &sender.found.token;
        self.text.clear();
        if !token.entity_id.is_empty() {
            self.who = Who::Entity;
            return self.text.push_str(&token.entity_id);
        }
        self.who = Who::Token;
        for (place, policy) in token.policies.iter().enumerate() {
            if place > 0 {
                self.text.push(BETWEEN);
            }
            self.text.push_str(policy);
        }
    }

    /// Empty while it is not known who sends it.
    fn id(&self) -> String {
        match self.who {
            Who::Unknown => String::new(),
            Who::Entity => client_id(&self.text, []),
            Who::Token => client_id("", self.text.split(BETWEEN)),
        }
    }
}

impl Flight {
    /// It is sent by this one.
    pub fn sent_by(&self, sender: &Sender) {
        if let Some(place) = self.place() {
            lock(place).client.is(sender);
        }
    }

    /// Its answer; one that is a stream runs until its end.
    pub fn answered(self, mut response: Response) -> Response {
        response.share = Some(self.share.clone());
        if let ResponseBody::Stream { write, .. } | ResponseBody::Endless { write, .. } =
            &mut response.body
        {
            let stream = std::mem::replace(write, Box::new(|_| Ok(())));
            *write = Box::new(move |to| {
                let _flight = self;
                stream(to)
            });
        }
        response
    }

    fn place(&self) -> Option<&Mutex<Place>> {
        self.flights.places.get(self.place?)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(place) = self.place() {
            lock(place).leave();
        }
    }
}
