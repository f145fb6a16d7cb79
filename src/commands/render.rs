//! `dsline render`

use std::fs;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use serde_json::json;

use crate::line::{Generation, Hint as _, LineSecret, Profile, Secret, Slot};
use crate::operator::{
    Environment, authorized_keys, certificate_files, find_gateway, forward_ca, line_secret,
};
use crate::output::Printer;
use crate::plan::{Wanted, release_of};
use crate::render::user_data;

use super::global::{Global, LineArgs};
use super::outcome::Outcome;
use super::prices::prices;
use super::setup::upstream_keys;

/// What stands in a file instead of a secret.
const MASK: &str = "[secret]\n";

/// Write all files of a node into a folder; no account is needed.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    line: LineArgs,
    /// Folder to write to; it must be empty or not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The node; otherwise the line's first
    #[arg(long, value_name = "REGION/N")]
    node: Option<Slot>,
    /// The address that the node's certificate shall name
    #[arg(long, value_name = "IP")]
    address: Option<Ipv4Addr>,
    /// Write secret files too, readable by you only; otherwise they say `[secret]`
    #[arg(long)]
    with_secrets: bool,
}

/// Renders one node's release and user data into a folder.
pub fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let mut profile = global.profile(environment)?.profile;
    args.line.apply_to(&mut profile)?;
    let slot = args
        .node
        .clone()
        .or_else(|| profile.slots().next())
        .context("the profile has no node")?;
    ensure!(
        profile.numbers_in(&slot.region).contains(&slot.number)
            || profile.brought().any(|(own, _)| own == slot),
        "{slot} is not a node of this profile"
    );
    let out = environment.resolve(&args.out);
    ensure!(
        fs::read_dir(&out).map_or(true, |mut entries| entries.next().is_none()),
        "{} is not empty",
        out.display()
    );
    let is_new = !out.exists();
    let wanted = gather(args, profile, environment)?;
    let written = fill(&out, args, &slot, &wanted)
        .inspect_err(|_| clear(&out, is_new))
        .hint(format!(
            "see whether the disk has room (`df -h {}`) and the folder is yours, then repeat the command",
            out.parent().unwrap_or(&out).display()
        ))?;
    let certificate = wanted.given_certificate.as_ref();
    let release = release_of(&wanted, certificate, &slot, args.address);
    printer.note(format!("files of {slot}, written to {}", out.display()));
    for path in &written {
        printer.line(path);
    }
    printer.document(&json!({ "node": slot, "release": release.digest(), "files": written }))?;
    Ok(Outcome::Done)
}

/// Writes every file and returns their paths inside the folder.
fn fill(out: &Path, args: &Args, slot: &Slot, wanted: &Wanted) -> Result<Vec<String>> {
    let release = release_of(
        wanted,
        wanted.given_certificate.as_ref(),
        slot,
        args.address,
    );
    let mut written = Vec::new();
    for (path, file) in release.listing() {
        let is_masked = file.is_secret && !args.with_secrets;
        let shown = file.shown();
        write(
            &out.join(&path),
            if is_masked {
                shown.as_bytes()
            } else {
                &file.content
            },
            file.is_secret,
        )?;
        written.push(path);
    }
    // A machine of the operator's own boots without any.
    if slot.is_brought() {
        return Ok(written);
    }
    let boot = user_data(
        &wanted.profile,
        slot,
        Generation::FIRST,
        &wanted.secret,
        &wanted.authorized_keys,
    );
    write(
        &out.join("user-data.yaml"),
        if args.with_secrets {
            boot.as_bytes()
        } else {
            MASK.as_bytes()
        },
        true,
    )?;
    written.push("user-data.yaml".to_owned());
    Ok(written)
}

/// Leaves the folder as it was found: half of a node's files would look like all of them.
fn clear(out: &Path, is_new: bool) {
    // The error that led here is told; that this is in vain too would not help.
    if is_new {
        let _ = fs::remove_dir_all(out);
    } else if let Ok(entries) = fs::read_dir(out) {
        for path in entries.flatten().map(|entry| entry.path()) {
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
    }
}

/// Without `--with-secrets` the upstream's key and the operator's SSH keys need not exist.
fn gather(args: &Args, profile: Profile, environment: &Environment) -> Result<Wanted> {
    let secret: LineSecret = line_secret(environment, &profile)?;
    let gateway = find_gateway(environment, args.line.gateway.as_deref())?;
    let now = Timestamp::now();
    let given_certificate = if args.with_secrets {
        certificate_files(environment, &profile, now)?
    } else {
        None
    };
    let (upstream_keys, authorized_keys) = if args.with_secrets {
        (
            upstream_keys(environment, &profile)?,
            authorized_keys(environment, &profile)?,
        )
    } else {
        let masks = 1 + profile.upstream.others.len();
        (vec![Secret::new(MASK); masks], Vec::new())
    };
    let forward_ca = forward_ca(environment, &profile)?;
    Ok(Wanted {
        profile,
        secret,
        upstream_keys,
        gateway,
        authorized_keys,
        given_certificate,
        directory_ca: None,
        forward_ca,
        prices: prices(environment)?,
        now,
    })
}

fn write(path: &Path, content: &[u8], is_secret: bool) -> Result<()> {
    let place = || {
        format!(
            "cannot write {}; the folder is as it was before",
            path.display()
        )
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(place)?;
    }
    let mode = if is_secret { 0o600 } else { 0o644 };
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .with_context(place)?;
    file.write_all(content).with_context(place)
}
