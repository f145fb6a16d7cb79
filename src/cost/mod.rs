//! What a line costs in a month: dated prices, and a bill by region and item.

mod bill;
mod list;
mod price;
mod smaller;
mod usd;

pub use bill::{Bill, Item, bill, node_month};
pub use list::PriceList;
pub use price::{HOURS, Price, Prices, Row};
pub use smaller::{SmallerLine, smaller_lines};
pub use usd::Usd;
