//! The `dsline` program.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    dsline::run().await
}
