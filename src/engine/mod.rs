//! Touches the world, in order: observe, then apply; a plan's steps are the only things it ever does.

mod apply;
mod certify;
mod cpu;
mod event;
mod execute;
mod facts;
mod farewell;
mod hint;
mod node_steps;
mod observe;
mod revocations;
mod roll;
mod station;
mod stop;
mod sweep;
mod world;

pub use apply::{Applied, Failed, Means, apply};
pub use cpu::CpuWatch;
pub use event::{Ending, Event, EventKind};
pub use hint::hint_of;
pub use observe::{
    LineView, Scope, ask_brought, ask_nodes, ask_offers, observe, observe_everything,
};
pub use revocations::{Keeper, Shared, share};
pub use roll::Roll;
pub use station::Station;
pub use stop::{Interrupted, Stop};
pub use sweep::{Leftover, Receipt, sweep, sweep_brought};
pub use world::World;
