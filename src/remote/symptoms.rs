//! What a node shows of the troubles that its users notice, asked in one command.

use super::blocked::Blocked;
use super::command::Command;
use super::session::Session;
use crate::line::{GatewayContainer, Limited, Symptoms};

/// How far back a node looks, in minutes.
pub const SYMPTOM_MINUTES: u32 = 15;

/// Asks a node what its users notice.
pub async fn symptoms(session: &Session) -> Result<Symptoms, Blocked> {
    let minutes = SYMPTOM_MINUTES.to_string();
    let command = Command::script(include_str!("symptoms.sh"), &[&minutes]);
    let text = session.script(&command, None).await?;
    parse(&text).map_err(|line| {
        session.broken(&format!(
            "its account of its troubles has a line that makes no sense: {line}"
        ))
    })
}

/// Reads the script's lines; the error is the line that is not of it.
fn parse(text: &str) -> Result<Symptoms, String> {
    let mut symptoms = Symptoms::default();
    for line in text.lines() {
        read_fact(&mut symptoms, &line.split('\t').collect::<Vec<_>>())
            .ok_or_else(|| line.to_owned())?;
    }
    Ok(symptoms)
}

fn read_fact(symptoms: &mut Symptoms, fact: &[&str]) -> Option<()> {
    match *fact {
        ["container", name, state, restarts, code] => {
            symptoms.containers.push(GatewayContainer {
                name: name.to_owned(),
                state: state.to_owned(),
                restarts: restarts.parse().ok()?,
                exit_code: code.parse().ok()?,
            });
        }
        ["log", line] => symptoms.gateway_log.push(line.to_owned()),
        ["unanswered", count] => symptoms.unanswered = count.trim().parse().ok()?,
        ["unanswered-log", line] => symptoms.unanswered_log.push(line.to_owned()),
        ["redis", name, value] => {
            symptoms.redis.insert(name.to_owned(), value.parse().ok()?);
        }
        ["counter", name, value] => {
            symptoms
                .counters
                .insert(name.to_owned(), value.parse().ok()?);
        }
        ["requests", hits, misses, mean, slowest] => {
            let requests = &mut symptoms.requests;
            requests.hits = hits.parse().ok()?;
            requests.misses = misses.parse().ok()?;
            requests.upstream_ms = mean.parse().ok()?;
            requests.slowest_ms = slowest.parse().ok()?;
        }
        ["slow-log", line] => symptoms.requests.slow_log.push(line.to_owned()),
        ["limited", count, subject, key, address, upstream, last] => {
            symptoms.limited.push(Limited {
                count: count.parse().ok()?,
                subject: subject.to_owned(),
                key: key.to_owned(),
                address: address.to_owned(),
                upstream: upstream.to_owned(),
                last: last.to_owned(),
            });
        }
        ["refused", count, address] => {
            symptoms
                .refused
                .push((count.parse().ok()?, address.to_owned()));
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_become_symptoms() {
        let text = "container\tdsline-1-gateway-1\trestarting\t4\t137\nlog\tfault: x\nunanswered\t2\nunanswered-log\tconnect() failed\n\
            redis\tevicted_keys\t7\ncounter\tdsline_refused_total{kind=\"key_requests\"}\t3\nrequests\t10\t30\t2500\t9000\n\
            slow-log\t2026 /v1 m\nlimited\t5\tann\tab12\t198.51.100.7\t\t2026-11-23T06:00:00Z\nrefused\t9\t198.51.100.8\n";
        let symptoms = parse(text).unwrap();
        assert_eq!(symptoms.containers[0].restarts, 4);
        assert_eq!(symptoms.gateway_log, ["fault: x"]);
        assert_eq!(
            (symptoms.unanswered, symptoms.redis["evicted_keys"]),
            (2, 7)
        );
        assert_eq!(symptoms.requests.upstream_ms, 2500);
        assert_eq!(
            (
                symptoms.limited[0].count,
                symptoms.limited[0].upstream.as_str()
            ),
            (5, "")
        );
        assert_eq!(symptoms.refused, [(9, "198.51.100.8".to_owned())]);
        assert_eq!(parse("log\tx\nwhat\n").unwrap_err(), "what");
    }
}
