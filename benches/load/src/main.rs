//! The program `bench-load`: asks at a fixed rate (`steady`) or holds streams open (`hold`), and prints one JSON line.

mod arguments;
mod connection;
mod figures;
mod hold;
mod question;
mod steady;

use std::io::Write;
use std::process::ExitCode;

use arguments::{HELP, Wish};

fn main() -> ExitCode {
    let answer = arguments::parse(std::env::args().skip(1)).and_then(|wish| match wish {
        Wish::Help => Ok(HELP.to_owned()),
        Wish::Steady(task) => steady::run(&task),
        Wish::Hold(task) => hold::run(&task),
    });
    match answer {
        Ok(text) => {
            let written = writeln!(std::io::stdout(), "{}", text.trim_end());
            ExitCode::from(u8::from(written.is_err()))
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "bench-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}
