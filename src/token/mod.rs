//! Tokens: who a request's sender is. A token is stored only under an HMAC of its id, so that no
//! bearer token can be read out of a file, not even with the keys.

pub mod store;
