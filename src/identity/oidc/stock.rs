//! Key pairs that are made before they are wanted: RSA's take a while, so that none is made while a
//! transaction stands.

use crate::barrier::txn::TxnError;
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::signature::{Algorithm, KeyPair};

/// So many pairs of that algorithm.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// How they sign.
    pub algorithm: Algorithm,
    /// How many.
    pub number: usize,
}

/// Pairs that nobody has yet.
pub struct Stock {
    algorithm: Algorithm,
    pairs: Vec<KeyPair>,
}

/// Where a change gets what is random in it.
#[derive(Clone, Copy)]
pub struct Supply<'a> {
    /// What was made for it.
    pub stock: Option<&'a Stock>,
    /// For names.
    pub entropy: &'a dyn Entropy,
}

/// Why a change was not made.
#[derive(Debug)]
pub enum Halt {
    /// It is refused.
    Fault(Fault),
    /// These are to be made first; then it is tried again.
    Wanted(Wanted),
}

impl Stock {
    /// Makes them.
    pub fn make(Wanted { algorithm, number }: Wanted) -> Result<Self, Fault> {
        let pairs = (0..number).map(|_| algorithm.generate()).collect::<Result<_, _>>();
        let pairs = pairs.map_err(|error| Fault::internal(error.to_string()))?;
        Ok(Self { algorithm, pairs })
    }
}

impl<'a> Supply<'a> {
    /// The first of them.
    pub fn pairs<const N: usize>(self, algorithm: Algorithm) -> Result<&'a [KeyPair; N], Halt> {
        let stock = self.stock.filter(|stock| stock.algorithm == algorithm);
        let pairs = stock.and_then(|stock| stock.pairs.first_chunk());
        pairs.ok_or(Halt::Wanted(Wanted { algorithm, number: N }))
    }
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<TxnError> for Halt {
    fn from(error: TxnError) -> Self {
        Self::Fault(error.into())
    }
}
