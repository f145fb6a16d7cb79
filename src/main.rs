//! The `dsline` program.

use std::process::ExitCode;

use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let runtime = Runtime::new().expect("the system grants a thread or two");
    let code = runtime.block_on(dsline::run());
    // A second Ctrl-C means now: threads that still wait for a node are not waited for.
    runtime.shutdown_background();
    code
}
