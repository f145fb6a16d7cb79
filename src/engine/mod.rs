//! Touches the world, in order: observe, then apply; a plan's steps are the only things it ever does.

mod apply;
mod event;
mod execute;
mod facts;
mod hint;
mod node_steps;
mod observe;
mod revocations;
mod station;
mod stop;
mod sweep;
mod world;

pub use apply::{Applied, Failed, Means, apply};
pub use event::{Ending, Event, EventKind};
pub use hint::hint_of;
pub use observe::{LineView, Scope, ask_nodes, observe, observe_everything};
pub use revocations::{Keeper, Shared, share};
pub use station::Station;
pub use stop::{Interrupted, Stop};
pub use sweep::{Leftover, Receipt, sweep};
pub use world::{World, target};
