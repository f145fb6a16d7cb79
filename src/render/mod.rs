//! Every file of a node as a function of profile, slot and line secret: parts, their digests, the release; pure.

mod cloud_init;
mod file;
mod gateway;
mod input;
mod logs;
mod nginx;
mod node;
mod redis;
mod release;
mod settings;
mod system;
mod waf;

pub use cloud_init::{Preparation, preparation, user_data};
pub use file::{CONTAINER_ID, Content, File, Owner};
pub use input::{GatewayBinary, NodeInput};
pub use node::node;
pub use release::{Part, PartName, Release};
pub use settings::gateway_settings;
pub use system::links;
