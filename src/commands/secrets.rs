//! `dsline secrets`

use anyhow::{Context as _, Result, anyhow, bail};
use clap::ValueEnum;

use crate::line::{Hint as _, Profile, with_key};
use crate::operator::{Environment, write_whole};
use crate::output::Printer;

use super::global::Global;
use super::outcome::Outcome;
use super::up;

/// Change secrets of the line without a lost request.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Bring a new one to all nodes; what clients hold is let in until --finish
    Rotate(RotateArgs),
}

#[derive(Debug, clap::Args)]
struct RotateArgs {
    /// Which one
    #[arg(value_enum)]
    secret: Kind,
    /// Let the old one in no longer (a node may for 15 s more): once every client has the new one
    #[arg(long)]
    finish: bool,
    #[command(flatten)]
    up: up::Args,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The API key that `dsline connect --show-key` shows
    ClientKey,
    /// The key that signs what `dsline token issue` makes
    Tokens,
    /// The password between the gateway and Redis
    Redis,
    /// The upstreams' API keys: put the new one where the profile says it is, then rotate
    Upstream,
}

/// A change of the profile: section, key, value.
type Change = (&'static str, &'static str, String);

/// Writes the next epoch into the profile, then does what `up` does.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let What::Rotate(args) = &args.what;
    let file = global.profile(environment)?;
    let changes = changes(args.secret, args.finish, &file.profile)?;
    if !changes.is_empty() {
        let path = file
            .path
            .context("there is no profile to note the new epoch in")
            .hint("`dsline init` writes one")?;
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read the profile {}", path.display()))?;
        let text = edited(text, &changes)
            .with_context(|| format!("the profile {} cannot be edited", path.display()))?;
        write_whole(&path, text.as_bytes(), 0o644)?;
        for (section, key, value) in &changes {
            printer.note(format!("{}: [{section}] {key} = {value}", path.display()));
        }
    }
    let outcome = Box::pin(up::run(&args.up, global, environment, printer))
        .await
        .hint("the profile has the new epoch; `dsline up` brings it to the nodes")?;
    if let (Outcome::Done, Some(next)) = (outcome, next_step(args.secret, args.finish)) {
        printer.note(next);
    }
    Ok(outcome)
}

/// What a rotation changes in the profile; everything else derives from it.
fn changes(secret: Kind, finish: bool, profile: &Profile) -> Result<Vec<Change>> {
    let auth = &profile.auth;
    let list = |epochs: &[u32]| {
        let epochs: Vec<String> = epochs.iter().map(u32::to_string).collect();
        format!("[{}]", epochs.join(", "))
    };
    let has_overlap = match secret {
        Kind::ClientKey => auth.key_epochs.len() > 1,
        Kind::Tokens => !auth.old_token_epochs.is_empty(),
        Kind::Redis | Kind::Upstream if finish => {
            bail!("--finish: no client holds this secret, so its old one is gone at once")
        }
        Kind::Redis | Kind::Upstream => false,
    };
    if has_overlap && !finish {
        return Err(anyhow!("the last rotation of this secret is not finished: its old one is still let in"))
            .hint("give every client the new one, then run the same with --finish; or `dsline up`, if the last one did not reach all nodes");
    }
    if finish && !has_overlap {
        return Err(anyhow!(
            "there is no rotation to finish: only one of this secret is let in"
        ))
        .hint("`dsline status` shows whether the nodes have it");
    }
    let current = auth.key_epoch();
    let next = |epoch: u32| epoch.checked_add(1).context("there is no epoch left");
    Ok(match (secret, finish) {
        (Kind::ClientKey, true) => vec![("auth", "key_epochs", list(&[current]))],
        (Kind::ClientKey, false) => {
            vec![("auth", "key_epochs", list(&[current, next(current)?]))]
        }
        (Kind::Tokens, true) => vec![("auth", "old_token_epochs", list(&[]))],
        (Kind::Tokens, false) => vec![
            ("auth", "old_token_epochs", list(&[auth.token_epoch])),
            ("auth", "token_epoch", next(auth.token_epoch)?.to_string()),
        ],
        (Kind::Redis, _) => {
            let epoch = next(profile.redis.password_epoch)?;
            vec![("redis", "password_epoch", epoch.to_string())]
        }
        (Kind::Upstream, _) => Vec::new(),
    })
}

/// The profile's text after all changes; it must say what was meant.
fn edited(text: String, changes: &[Change]) -> Result<String> {
    let mut text = text;
    for (section, key, value) in changes {
        text = with_key(&text, section, key, value)
            .with_context(|| format!("`{key}` does not stand on one line"))
            .hint(format!(
                "write `{key} = {value}` under [{section}] yourself, then run `dsline up`"
            ))?;
    }
    Profile::parse(&text)?;
    Ok(text)
}

fn next_step(secret: Kind, finish: bool) -> Option<&'static str> {
    match (secret, finish) {
        (Kind::ClientKey, false) => Some(
            "both keys are let in: give clients the new one (`dsline connect --show-key`), then run `dsline secrets rotate client-key --finish`",
        ),
        (Kind::Tokens, false) => Some(
            "old tokens are still let in: issue new ones (`dsline token issue`), then run `dsline secrets rotate tokens --finish`",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotated(text: &str, secret: Kind, finish: bool) -> Result<Profile> {
        let profile = Profile::parse(text)?;
        let text = edited(text.to_owned(), &changes(secret, finish, &profile)?)?;
        Ok(Profile::parse(&text)?)
    }

    #[test]
    fn what_clients_hold_overlaps_and_is_finished_by_hand() {
        let begun = rotated("name = \"x\"\n", Kind::ClientKey, false).unwrap();
        assert_eq!(
            (begun.auth.key_epochs.as_slice(), begun.auth.key_epoch()),
            ([1, 2].as_slice(), 2)
        );
        let text = "[auth]\nkey_epochs = [1, 2]\n";
        assert!(rotated(text, Kind::ClientKey, false).is_err());
        assert_eq!(
            rotated(text, Kind::ClientKey, true)
                .unwrap()
                .auth
                .key_epochs,
            [2]
        );
        assert!(rotated("", Kind::ClientKey, true).is_err());
        let begun = rotated("", Kind::Tokens, false).unwrap();
        assert_eq!(
            (
                begun.auth.token_epochs().collect::<Vec<_>>(),
                begun.auth.token_epoch
            ),
            (vec![1, 2], 2)
        );
        let text = "[auth]\ntoken_epoch = 2\nold_token_epochs = [1]\n";
        assert!(
            rotated(text, Kind::Tokens, true)
                .unwrap()
                .auth
                .old_token_epochs
                .is_empty()
        );
    }

    #[test]
    fn what_no_client_holds_changes_at_once() {
        assert_eq!(
            rotated("", Kind::Redis, false)
                .unwrap()
                .redis
                .password_epoch,
            2
        );
        assert!(rotated("", Kind::Redis, true).is_err());
        assert!(
            changes(Kind::Upstream, false, &Profile::default())
                .unwrap()
                .is_empty()
        );
    }
}
