//! A machine that the line did not launch: prepared over SSH as cloud-init prepares others, and left again.

use std::time::Duration;

use anyhow::Result;

use super::command::Command;
use super::report::links_argument;
use super::session::Session;
use crate::line::Hint as _;
use crate::render::Preparation;

/// How long packages may take on a machine with one small core.
const PREPARING: Duration = Duration::from_mins(20);
/// How long services may take to stop.
const LEAVING: Duration = Duration::from_mins(3);

/// Installs what a node needs and starts it; done again it only does what is missing.
pub async fn prepare(session: &Session, preparation: &Preparation) -> Result<()> {
    let Preparation { nginx, first_boot } = preparation;
    let command = Command::script(include_str!("prepare.sh"), &[&nginx.len().to_string()]);
    let input = format!("{nginx}{first_boot}").into_bytes();
    let ended = session
        .script(&command.within(PREPARING), Some(input))
        .await;
    ended.hint(
        "look around with `dsline ssh`; the machine needs Debian or Ubuntu, sudo without a password, and the ports 80, 443 and 6379",
    )?;
    Ok(())
}

/// Stops what the line runs there and removes its files; packages stay.
pub async fn leave(session: &Session) -> Result<()> {
    let command = Command::script(include_str!("leave.sh"), &[&links_argument()]);
    session.script(&command.within(LEAVING), None).await?;
    Ok(())
}
