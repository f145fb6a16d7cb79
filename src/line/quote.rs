//! A price as AWS's price list quotes it.

use super::region::Region;

/// What is priced, on demand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priced {
    /// An instance of this type with Linux, by the hour.
    Instance(String),
    /// A GB of gp3, by the month.
    Volume,
    /// A public IPv4 address in use, by the hour.
    Address,
}

/// One price of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Where.
    pub region: Region,
    /// Of what.
    pub priced: Priced,
    /// US dollars for one unit, as AWS writes them: `0.0104000000`.
    pub dollars: String,
}
