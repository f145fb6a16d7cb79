//! A load test as values: what is asked, when, and what came of it.

mod figures;
mod mix;
mod picture;
mod recipe;
mod schedule;
mod score;

pub use figures::{Ended, Figures, Seen, Source};
pub use mix::Mix;
pub use picture::picture;
pub use recipe::{Claim, RECIPE_AFTER, RECIPE_BEFORE};
pub use schedule::{Rhythm, Schedule};
pub use score::{Generator, Score};
