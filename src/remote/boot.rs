//! A node's first boot: waiting for its end, and the host key that it gets afterwards.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::Instant;

use super::command::Command;
use super::session::Session;
use crate::line::{Hint as _, HostKey, HostKeyStage};

/// How long the node itself waits before it says "not yet": few round trips, and a lost operator leaves nothing behind.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until first boot has ended; its failure comes with the end of the node's log.
pub async fn await_boot(session: &Session, timeout: Duration) -> Result<()> {
    let deadline = Instant::now() + timeout;
    loop {
        let left = deadline
            .saturating_duration_since(Instant::now())
            .min(PATIENCE);
        let answer = session.script(&await_command(left), None).await?;
        match answer.split_once('\n').unwrap_or((&answer, "")) {
            ("booted", _) => return Ok(()),
            ("failed", why) => {
                let failed = anyhow::anyhow!(
                    "first boot of {} failed: {}",
                    session.place(),
                    why.trim_end()
                );
                return Err(failed).hint("look around with `dsline ssh`; `sudo dsline-first-boot` runs it again, and does only what is missing");
            }
            _ if Instant::now() >= deadline => bail!(
                "first boot of {} has not ended after {} s",
                session.place(),
                timeout.as_secs()
            ),
            _ => {}
        }
    }
}

/// Replaces the node's host key; later sessions see the new one, this one stays open.
pub async fn install_lasting_key(session: &Session, key: &HostKey) -> Result<()> {
    let private = key.private_openssh().expose().as_bytes().to_vec();
    session
        .script(&install_command(&key.public_openssh()), Some(private))
        .await?;
    session.set_stage(HostKeyStage::Lasting);
    Ok(())
}

fn await_command(patience: Duration) -> Command {
    Command::script(
        include_str!("await-boot.sh"),
        &[&patience.as_secs().to_string()],
    )
}

fn install_command(public: &str) -> Command {
    Command::script(include_str!("install-host-key.sh"), &[public])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_private_key_is_in_no_command_line() {
        let line = install_command("ssh-ed25519 AAAA us-east-1/1")
            .line()
            .to_owned();
        let length = include_str!("install-host-key.sh").len();
        assert_eq!(
            line,
            format!(
                "sudo -n sh -c 'eval \"$(head -c {length})\"' dsline 'ssh-ed25519 AAAA us-east-1/1'"
            )
        );
    }
}
