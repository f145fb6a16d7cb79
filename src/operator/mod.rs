//! The operator's own machine: environment, profile file, secrets, public keys and the gateway binary.

mod certificate_files;
mod decision_log;
mod environment;
mod gateway_binary;
mod hook;
mod line_secret;
mod login_key;
mod person;
mod price_file;
mod profile_file;
mod public_keys;
mod secret_source;
mod whole_file;

pub use certificate_files::{certificate_files, forward_ca};
pub use decision_log::DecisionLog;
pub use environment::Environment;
pub use gateway_binary::find_gateway;
pub use hook::run_hook;
pub use line_secret::{create_line_secret, find_line_secret, line_secret, line_secret_path};
pub use login_key::check_login_key;
pub use person::person;
pub use price_file::{price_file, read_prices, write_prices};
pub use profile_file::{ProfileFile, find_profile};
pub use public_keys::authorized_keys;
pub use secret_source::read_secret;
pub use whole_file::write_whole;
