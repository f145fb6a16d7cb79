//! What a node says of itself, asked in one command.

use std::collections::BTreeSet;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::blocked::Blocked;
use super::command::Command;
use super::session::Session;
use crate::line::{HostKeyStage, KeptRelease, NodeReport, ReleaseState};
use crate::render::links;

/// A node's report, and what only a push wants to know.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) report: NodeReport,
    /// Digests of all parts that lie on the node, live or not.
    pub(super) stored: BTreeSet<String>,
}

/// Asks a node for its own account.
pub async fn report(session: &Session) -> Result<NodeReport, Blocked> {
    Ok(look(session).await?.report)
}

/// Asks a node for its own account and its stored parts.
pub(super) async fn look(session: &Session) -> Result<Look, Blocked> {
    let text = session.script(&report_command(), None).await?;
    let mut look = parse(&text).map_err(|line| {
        session.broken(&format!(
            "its report has a line that makes no sense: {line}"
        ))
    })?;
    look.report.has_lasting_key = session.stage() == HostKeyStage::Lasting;
    Ok(look)
}

fn report_command() -> Command {
    Command::script(include_str!("report.sh"), &[&links_argument()])
}

/// The fixed places that lead into the live release, as the scripts take them.
pub(super) fn links_argument() -> String {
    let pairs: Vec<String> = links()
        .iter()
        .map(|(path, target)| format!("{path}={target}"))
        .collect();
    pairs.join(" ")
}

/// Reads the script's lines; the error is the line that is not of it.
fn parse(text: &str) -> Result<Look, String> {
    let mut look = Look::default();
    for line in text.lines() {
        read_fact(&mut look, &line.split('\t').collect::<Vec<_>>())
            .ok_or_else(|| line.to_owned())?;
    }
    Ok(look)
}

fn read_fact(look: &mut Look, fact: &[&str]) -> Option<()> {
    let report = &mut look.report;
    match *fact {
        ["booted"] => report.booted = true,
        ["boot-error", text] => report.boot_error = Some(text.trim().to_owned()),
        ["lease", text] => report.lease = Some(text.to_owned()),
        ["stored", digest] => {
            look.stored.insert(digest.to_owned());
        }
        ["release", digest] => report.release = Some(digest.to_owned()),
        ["live", number] => report.number = Some(number.parse().ok()?),
        ["pending", number] => report.pending = number.parse().ok(),
        ["kept", number, digest, when, who, why, ref state @ ..] => {
            let kept = KeptRelease {
                number: number.parse().ok()?,
                digest: digest.to_owned(),
                when: when.to_owned(),
                who: who.to_owned(),
                why: why.to_owned(),
                state: state_of(state)?,
            };
            report.releases.insert(kept.number, kept);
        }
        // A file that is no text is no certificate; that it was changed is told by its part.
        ["chain", base64] => {
            let decoded = BASE64_STANDARD.decode(base64).ok();
            report.chain = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        }
        ["part", name, digest] => {
            let part = report.parts.entry(name.to_owned()).or_default();
            digest.clone_into(&mut part.digest);
        }
        ["drift", name, path] => report
            .parts
            .entry(name.to_owned())
            .or_default()
            .drifted
            .push(path.to_owned()),
        ["unit", unit, state] => {
            report.units.insert(unit.to_owned(), state.to_owned());
        }
        // An answer that is not the gateway's is no answer.
        ["gateway", status] => report.gateway = serde_json::from_str(status).ok(),
        _ => return None,
    }
    Some(())
}

/// What became of a release, in the words of its own file; none before anybody has confirmed it.
fn state_of(words: &[&str]) -> Option<ReleaseState> {
    match *words {
        [] | [""] => Some(ReleaseState::Unconfirmed),
        ["healthy"] => Some(ReleaseState::Healthy),
        ["left"] => Some(ReleaseState::Left),
        ["failed", why] => Some(ReleaseState::Failed(why.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "booted\nlease\tdsline-lease-1 3 free\nstored\tabc\nstored\tdef\nrelease\tr1\nlive\t12\nchain\tUEVN\npending\t12\nkept\t12\tr1\t2026-11-23T06:00:00Z\tann@laptop\tmore room\t\n\
        kept\t11\tr0\t2026-11-22T06:00:00Z\tann@laptop\t\thealthy\nkept\t10\tr9\t2026-11-21T06:00:00Z\tbob@desk\t\tfailed\tnginx is failed\npart\tnginx\tabc\npart\tredis\tdef\n\
        drift\tnginx\ttls/key.pem\ndrift\tlogrotate\t/etc/logrotate.d/dsline\nunit\tnginx\tactive\n\
        unit\tredis-server\tfailed\ngateway\t{\"version\":\"0.1.0\",\"draining\":false,\"in_flight\":2,\"uptime_seconds\":9,\"more\":1}\n";

    #[test]
    fn facts_become_a_report() {
        let look = parse(SOUND).unwrap();
        let report = look.report;
        assert!(report.booted && report.boot_error.is_none());
        assert_eq!(report.lease.as_deref(), Some("dsline-lease-1 3 free"));
        assert_eq!(report.release.as_deref(), Some("r1"));
        assert_eq!(report.chain.as_deref(), Some("PEM"));
        assert_eq!(
            (report.number, report.pending, report.unconfirmed()),
            (Some(12), Some(12), Some(12))
        );
        assert_eq!(
            report
                .newest_up_to(12, KeptRelease::is_healthy)
                .unwrap()
                .number,
            11
        );
        assert!(report.newest_up_to(10, KeptRelease::is_healthy).is_none());
        assert_eq!(report.parts["nginx"].digest, "abc");
        assert_eq!(report.parts["nginx"].drifted, ["tls/key.pem"]);
        assert_eq!(
            report.parts["logrotate"].drifted,
            ["/etc/logrotate.d/dsline"]
        );
        assert_eq!(report.units["redis-server"], "failed");
        assert_eq!(report.gateway.unwrap().in_flight, 2);
        assert_eq!(look.stored.into_iter().collect::<Vec<_>>(), ["abc", "def"]);
    }

    #[test]
    fn a_fresh_node_says_little() {
        let report = parse("boot-error\tapt could not install nginx \nunit\tnginx\tinactive\n")
            .unwrap()
            .report;
        assert!(!report.booted && report.release.is_none() && report.gateway.is_none());
        assert_eq!(
            report.boot_error.as_deref(),
            Some("apt could not install nginx")
        );
    }

    #[test]
    fn a_strange_line_is_named() {
        assert_eq!(
            parse("booted\nbash: warning: setlocale\n").unwrap_err(),
            "bash: warning: setlocale"
        );
    }

    #[test]
    fn the_command_names_the_links_and_nothing_else() {
        let line = report_command().line().to_owned();
        let length = include_str!("report.sh").len();
        assert!(line.starts_with(&format!("sudo -n sh -c 'eval \"$(head -c {length})\"' dsline '/etc/logrotate.d/dsline=logrotate/dsline ")));
    }
}
