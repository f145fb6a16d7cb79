//! The operator's own machine: environment, profile file, secrets, public keys and the gateway binary.

mod environment;
mod gateway_binary;
mod line_secret;
mod person;
mod profile_file;
mod public_keys;
mod secret_source;
mod whole_file;

pub use environment::Environment;
pub use gateway_binary::find_gateway;
pub use line_secret::{create_line_secret, find_line_secret, line_secret, line_secret_path};
pub use person::person;
pub use profile_file::{ProfileFile, find_profile};
pub use public_keys::authorized_keys;
pub use secret_source::read_secret;
pub use whole_file::write_whole;
