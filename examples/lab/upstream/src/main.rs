//! The program `lab-upstream`: hands its arguments to the library and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab_upstream::run(std::env::args().skip(1))
}
