//! `dsline token`

use std::collections::BTreeSet;
use std::io::Read as _;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::json;

use crate::engine::{Keeper, Shared, World, share};
use crate::line::{
    Claims, Hint as _, ISSUER, Instance, Profile, Revocation, TokenId, audience, issue,
};
use crate::operator::{Environment, line_secret};
use crate::output::Printer;

use super::exec::running_nodes;
use super::global::Global;
use super::outcome::Outcome;
use super::setup::world;

/// Issue and revoke tokens of the line.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make a token and print it, once; no node is asked
    Issue(IssueArgs),
    /// Show what is revoked; issued tokens are remembered nowhere
    List,
    /// Take tokens back on all nodes, within seconds
    Revoke(RevokeArgs),
}

#[derive(Debug, clap::Args)]
struct IssueArgs {
    /// Who it is for: one name, one set of limits, one conversation
    #[arg(long = "for", value_name = "NAME")]
    subject: String,
    /// How long it is valid: 12h, 90d
    #[arg(long, default_value = "90d", value_name = "TIME", value_parser = lifetime)]
    valid: Duration,
    /// Callers of one tenant share cached answers; without it each name is a tenant of its own
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

#[derive(Debug, clap::Args)]
struct RevokeArgs {
    /// A token's id, `key:` and a key's fingerprint as the audit trail shows it, or `-` to read a whole token from stdin
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

/// Runs one of the three.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let profile = global.profile(environment)?.profile;
    match &args.what {
        What::Issue(args) => {
            let secret = line_secret(environment, &profile)?;
            let claims = claims(args, &profile, Timestamp::now())?;
            let token = issue(&secret, profile.auth.token_epoch, &claims);
            printer.note(format!(
                "token {} for `{}`, valid until {}; it is shown this once and kept nowhere",
                claims.jti.as_str(),
                claims.sub,
                moment(claims.exp)
            ));
            printer.line(token.expose());
            printer.document(&json!({
                "id": claims.jti, "for": claims.sub, "tenant": claims.tenant,
                "until": moment(claims.exp), "token": token.expose(),
            }))?;
            Ok(Outcome::Done)
        }
        What::List => {
            let shared = tell(&profile, environment, &BTreeSet::new()).await?;
            for one in &shared.all {
                printer.line(described(one));
            }
            if shared.all.is_empty() {
                printer.note("nothing is revoked on the nodes that were asked");
            }
            conclude(printer, &shared, &shared.all)
        }
        What::Revoke(args) => {
            let revoked = args.ids.iter().map(|id| revocation(id));
            let revoked: BTreeSet<Revocation> = revoked.collect::<Result<_>>()?;
            let shared = tell(&profile, environment, &revoked).await?;
            for one in &revoked {
                printer.line(format!(
                    "revoked {} on {} of {} nodes",
                    described(one),
                    shared.reached.len(),
                    shared.reached.len() + shared.missed.len()
                ));
            }
            conclude(printer, &shared, &revoked)
        }
    }
}

fn claims(args: &IssueArgs, profile: &Profile, now: Timestamp) -> Result<Claims> {
    for (flag, text) in [
        ("--for", Some(&args.subject)),
        ("--tenant", args.tenant.as_ref()),
    ] {
        if text.is_some_and(|text| {
            text.is_empty() || text.len() > 128 || text.contains(char::is_control)
        }) {
            bail!("{flag} must be 1 to 128 characters");
        }
    }
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| anyhow!("the system gives no random bytes"))?;
    let begin = now.as_second();
    let length = i64::try_from(args.valid.as_secs()).context("--valid is too long")?;
    Ok(Claims {
        iss: ISSUER.to_owned(),
        aud: audience(&profile.name),
        sub: args.subject.clone(),
        tenant: args.tenant.clone(),
        jti: TokenId::from_bytes(bytes),
        iat: begin,
        exp: begin + length,
    })
}

/// What a word of the user's takes back.
fn revocation(word: &str) -> Result<Revocation> {
    let refused = |why: String| anyhow!("`{word}`: {why}");
    if word == "-" {
        let mut token = String::new();
        std::io::stdin()
            .read_to_string(&mut token)
            .context("cannot read the token from stdin")?;
        return Revocation::of_whole_token(&token).map_err(|why| anyhow!("stdin: {why}"));
    }
    if word.starts_with("ey") && word.matches('.').count() == 2 {
        // Everybody on the machine sees arguments, so it is not repeated here.
        return Err(anyhow!("a token does not belong into the arguments"))
            .hint("name it by its id, or pipe it in: `dsline token revoke - < FILE`");
    }
    if word.starts_with("key:") {
        return word.parse().map_err(refused);
    }
    let id = word.strip_prefix("jti:").unwrap_or(word);
    Revocation::of_token(id, None).map_err(refused)
}

async fn tell(
    profile: &Profile,
    environment: &Environment,
    added: &BTreeSet<Revocation>,
) -> Result<Shared> {
    let secret = line_secret(environment, profile)?;
    let world = world(environment, profile, secret).await;
    let nodes = keepers(&world, profile).await?;
    if nodes.is_empty() {
        return Err(anyhow!("line `{}` has no running node", profile.name)).hint(
            "`dsline up` makes them; `auth.token_epoch` in the profile makes all tokens void",
        );
    }
    Ok(share(&world, &nodes, added).await)
}

async fn keepers(world: &World, profile: &Profile) -> Result<Vec<Keeper>> {
    let regions = world.cloud.enabled_regions().await?.known;
    let nodes = running_nodes(world, profile, &regions).await?;
    let keeper = |(slot, instance): (_, Instance)| Keeper {
        slot,
        generation: instance.generation,
        address: instance.address,
    };
    Ok(nodes.into_iter().map(keeper).collect())
}

/// Names who was not reached: there the token still opens the line.
fn conclude(printer: &Printer, shared: &Shared, shown: &BTreeSet<Revocation>) -> Result<Outcome> {
    for (slot, why) in &shared.missed {
        printer.note(printer.bad(&format!("{slot} was not reached: {why}")));
    }
    printer.document(
        &json!({ "revoked": shown, "reached": shared.reached, "missed": shared.missed }),
    )?;
    if shared.missed.is_empty() {
        return Ok(Outcome::Done);
    }
    printer.note("say it again when they can be reached; what the other nodes hold goes along");
    Ok(Outcome::Partial)
}

fn described(one: &Revocation) -> String {
    let until = one
        .until()
        .map(|until| format!(" (ends {})", moment(until)));
    format!("{}{}", one.what(), until.unwrap_or_default())
}

fn moment(second: i64) -> String {
    Timestamp::from_second(second).map_or_else(|_| second.to_string(), |at| at.to_string())
}

/// `12h`, `90d`: minutes, hours, days.
fn lifetime(text: &str) -> Result<Duration, String> {
    let shape = "must be a number with m, h or d behind it, such as 12h or 90d";
    let unit = match text.chars().last() {
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 86_400,
        _ => return Err(shape.to_owned()),
    };
    let count: u64 = text[..text.len() - 1]
        .parse()
        .map_err(|_| shape.to_owned())?;
    let seconds = count.saturating_mul(unit);
    if !(60..=10 * 365 * 86_400).contains(&seconds) {
        return Err("must be one minute to ten years".to_owned());
    }
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_have_a_unit() {
        assert_eq!(lifetime("12h"), Ok(Duration::from_hours(12)));
        for odd in ["", "12", "h", "0d", "-1d", "99999999d", "1y", "9\u{fc}"] {
            assert!(lifetime(odd).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn a_token_in_the_arguments_is_refused_and_not_repeated() {
        let message = revocation("eyJh.eyJz.c2ln").unwrap_err().to_string();
        assert!(!message.contains("eyJh"), "{message}");
        assert_eq!(revocation("abc").unwrap().to_string(), "jti:abc");
        assert_eq!(revocation("jti:abc").unwrap().to_string(), "jti:abc");
        assert!(revocation("key:12").is_err());
    }
}
