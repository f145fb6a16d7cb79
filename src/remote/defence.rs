//! What a node says of its own defences, asked in one command.

use super::blocked::Blocked;
use super::command::Command;
use super::session::Session;
use crate::line::{Container, Inside};

/// Asks a node how it is defended.
pub async fn defences(session: &Session) -> Result<Inside, Blocked> {
    let command = Command::script(include_str!("defence.sh"), &[]);
    let text = session.script(&command, None).await?;
    parse(&text).map_err(|line| {
        session.broken(&format!(
            "its account of its defences has a line that makes no sense: {line}"
        ))
    })
}

/// Reads the script's lines; the error is the line that is not of it.
fn parse(text: &str) -> Result<Inside, String> {
    let mut inside = Inside::default();
    for line in text.lines() {
        read_fact(&mut inside, &line.split('\t').collect::<Vec<_>>())
            .ok_or_else(|| line.to_owned())?;
    }
    Ok(inside)
}

fn read_fact(inside: &mut Inside, fact: &[&str]) -> Option<()> {
    match *fact {
        // What a program did not say is not known.
        ["fact", _, ""] => {}
        ["fact", name, value] => {
            inside.facts.insert(name.to_owned(), value.to_owned());
        }
        ["listening", port] => {
            inside.listening.insert(port.parse().ok()?);
        }
        ["loose", path] => inside.loose_files.push(path.to_owned()),
        [
            "container",
            name,
            read_only,
            user,
            options,
            memory,
            published,
            privileged,
        ] => inside.containers.push(Container {
            name: name.to_owned(),
            read_only: read_only == "true",
            user: user.to_owned(),
            no_new_privileges: options.contains("no-new-privileges"),
            memory: memory.parse().ok()?,
            published: published.parse().ok()?,
            privileged: privileged == "true",
        }),
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_become_an_account() {
        let text = "fact\tsshd.permitrootlogin\tno\nfact\tclock\t\nlistening\t443\nloose\t/x\n\
            container\tdsline-1-gateway-1\ttrue\t65532:65532\tno-new-privileges:true\t201326592\t0\tfalse\n";
        let inside = parse(text).unwrap();
        assert_eq!(inside.facts["sshd.permitrootlogin"], "no");
        assert!(!inside.facts.contains_key("clock"));
        assert!(inside.listening.contains(&443));
        assert_eq!(inside.loose_files, ["/x"]);
        assert!(inside.containers[0].no_new_privileges && inside.containers[0].read_only);
        assert_eq!(parse("fact\ta\tb\nwhat\n").unwrap_err(), "what");
    }
}
