//! The program `dsline-gateway`: hands its arguments and environment to the library and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    dsline_gateway::run(std::env::args().skip(1), |name| std::env::var_os(name))
}
