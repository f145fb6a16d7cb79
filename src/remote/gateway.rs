//! The gateway's admin port, asked from the node itself.

use super::blocked::Blocked;
use super::command::Command;
use super::session::Session;
use crate::line::GatewayStatus;

/// The admin port, which listens on the node itself only.
const ADMIN: &str = "http://127.0.0.1:8082";

/// What the node's gateway says of itself.
pub async fn gateway_status(session: &Session) -> Result<GatewayStatus, Blocked> {
    ask(session, &request("GET", "status")).await
}

/// Makes the node fail its health checks on purpose while it serves on.
pub async fn drain(session: &Session) -> Result<GatewayStatus, Blocked> {
    ask(session, &request("POST", "drain")).await
}

/// Makes the node healthy again.
pub async fn undrain(session: &Session) -> Result<GatewayStatus, Blocked> {
    ask(session, &request("DELETE", "drain")).await
}

fn request(method: &str, what: &str) -> Command {
    let url = format!("{ADMIN}/{what}");
    Command::program(&["curl", "-sS", "-f", "--max-time", "5", "-X", method, &url])
}

async fn ask(session: &Session, command: &Command) -> Result<GatewayStatus, Blocked> {
    let output = session.run(command, None).await?;
    let failed = |why: &str| {
        Blocked::Broken(format!(
            "{}: its gateway could not be asked: {}",
            session.place(),
            why.trim()
        ))
    };
    if output.status != 0 {
        return Err(failed(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drain_is_one_request_to_the_admin_port() {
        let line = "curl -sS -f --max-time 5 -X POST http://127.0.0.1:8082/drain";
        assert_eq!(request("POST", "drain").line(), line);
    }
}
