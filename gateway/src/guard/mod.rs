//! Who may ask: keys and signed tokens, what was revoked, and from which addresses.

mod address;
mod caller;
mod credential;
mod denial;
#[cfg(test)]
mod forgeries;
mod gate;
mod hostile;
mod issuer;
mod jwks;
mod keyring;
mod keyset;
mod revoked;
mod signature;
mod token;
mod verified;

pub use address::{AddressSet, Proxies};
pub use caller::{Caller, Fingerprint};
pub use denial::Denial;
pub use gate::{Gate, Report};
pub use hostile::survive;
pub use jwks::{Fetch, fetch_with};
pub use keyring::{BadKeyLine, KeyRing};
pub use revoked::Revoked;
