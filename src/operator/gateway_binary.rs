//! Finds the gateway binary that nodes shall run.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::line::Hint as _;
use crate::render::GatewayBinary;

use super::environment::Environment;

const NAME: &str = "dsline-gateway";
/// Seen from the folder that holds `dsline`: where cargo puts the static gateway, before one for tests; or an installed one.
const BESIDE: [&str; 2] = [
    "../x86_64-unknown-linux-gnu/gateway/dsline-gateway",
    "dsline-gateway",
];

/// The named file, else `DSLINE_GATEWAY`, else the one beside `dsline`, else the one built in the checkout.
pub fn find_gateway(environment: &Environment, named: Option<&Path>) -> Result<GatewayBinary> {
    let named = named
        .map(Path::to_owned)
        .or_else(|| environment.variable("DSLINE_GATEWAY").map(PathBuf::from));
    let path = match named {
        Some(path) => environment.resolve(&path),
        None => beside(environment)
            .with_context(|| format!("{NAME}, the program that nodes run, is not beside dsline"))
            .hint("build it with `cargo build --profile gateway --target x86_64-unknown-linux-gnu -p dsline-gateway`, or name it with --gateway")?,
    };
    let bytes = std::fs::read(&path)
        .with_context(|| format!("cannot read the gateway {}", path.display()))?;
    if !is_static_x86_64(&bytes) {
        bail!(
            "{} is no static x86_64 Linux program, so it cannot run in an empty container",
            path.display()
        );
    }
    Ok(GatewayBinary::new(bytes))
}

fn beside(environment: &Environment) -> Option<PathBuf> {
    let folder = environment.program_folder.as_ref()?;
    BESIDE
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
}

/// An ELF file for `x86_64` without an interpreter (System V ABI: program header type 3 names the dynamic linker).
fn is_static_x86_64(bytes: &[u8]) -> bool {
    let word = |at: usize| {
        bytes
            .get(at..at + 2)
            .map(|pair| usize::from(u16::from_le_bytes([pair[0], pair[1]])))
    };
    let table = bytes
        .get(32..40)
        .and_then(|at| usize::try_from(u64::from_le_bytes(at.try_into().ok()?)).ok());
    let (Some(machine), Some(table), Some(size), Some(count)) =
        (word(18), table, word(54), word(56))
    else {
        return false;
    };
    let has_interpreter = (0..count).any(|index| {
        bytes.get(table + index * size..table + index * size + 4) == Some(&[3, 0, 0, 0])
    });
    bytes.starts_with(b"\x7fELF") && machine == 62 && !has_interpreter
}
