//! The line's lock: taken by compare-and-swap, shown alive by a beating heart, carried by every batch of records.

mod claim;
mod held;
mod locks;
mod nodes;
mod store;
mod time;
mod zone;

pub use claim::{Claim, Taken, Token, holder_of};
pub use held::{Held, Standing};
pub use locks::{Locks, News};
pub use store::{Lost, Store, SwapError};
