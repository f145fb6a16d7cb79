//! Identical requests share one upstream call: a flight has one pump, many readers, and every reader begins at byte 0.

mod answer;
mod board;
mod figures;
mod follower;
mod pump;
mod seats;
mod shared;
mod tape;

pub use answer::{Answer, Bounds, Ending, Head, Loss, Observer, Sight};
pub use board::{Flights, Role, Seat};
pub use figures::Figures;
pub use follower::{Follower, Outcome};
