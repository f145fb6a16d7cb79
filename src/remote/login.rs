//! Logging in with the operator's keys: named files, the agent's, the usual files, in this order.

use std::fmt::Write as _;
use std::path::Path;

use ssh2::{ErrorCode, PublicKey, Session};

use super::ssh_config::Route;

/// libssh2's word for "the server closed the connection", one for each place where it notices.
const CLOSED: [i32; 3] = [-7, -13, -43];

/// Tries every key until one is taken; the error says what was tried.
pub(super) fn log_in(session: &Session, route: &Route, has_agent: bool) -> Result<(), String> {
    let mut attempt = Attempt {
        session,
        user: &route.user,
        tried: Vec::new(),
        is_closed: false,
    };
    let agent = if has_agent { Agent::ask(session) } else { None };
    let named = route
        .keys
        .files
        .iter()
        .any(|path| attempt.with_file(path, agent.as_ref(), true));
    let is_in = named
        || (route.keys.is_agent_welcome
            && agent
                .as_ref()
                .is_some_and(|agent| attempt.with_agent(agent)))
        || route
            .keys
            .usual
            .iter()
            .any(|path| attempt.with_file(path, agent.as_ref(), false));
    if is_in {
        Ok(())
    } else {
        Err(attempt.account(has_agent))
    }
}

struct Agent {
    agent: ssh2::Agent,
    keys: Vec<PublicKey>,
}

impl Agent {
    fn ask(session: &Session) -> Option<Self> {
        let mut agent = session.agent().ok()?;
        agent.connect().ok()?;
        agent.list_identities().ok()?;
        let keys = agent.identities().ok()?;
        Some(Self { agent, keys })
    }

    fn find(&self, blob: &[u8]) -> Option<&PublicKey> {
        self.keys.iter().find(|key| key.blob() == blob)
    }
}

struct Attempt<'a> {
    session: &'a Session,
    user: &'a str,
    tried: Vec<String>,
    is_closed: bool,
}

impl Attempt<'_> {
    fn with_agent(&mut self, agent: &Agent) -> bool {
        if agent.keys.is_empty() {
            self.tried
                .push("the SSH agent (it holds no key)".to_owned());
        }
        agent.keys.iter().any(|key| self.with_agent_key(agent, key))
    }

    fn with_agent_key(&mut self, agent: &Agent, key: &PublicKey) -> bool {
        let what = format!("the SSH agent's key {}", key.comment());
        !self.is_closed && self.judge(&what, agent.agent.userauth(self.user, key))
    }

    /// Tries a key file, through the agent when that holds its key: only so can one with a passphrase be used.
    fn with_file(&mut self, path: &Path, agent: Option<&Agent>, is_named: bool) -> bool {
        let what = path.display().to_string();
        if self.is_closed {
            return false;
        }
        let held = public_blob(path)
            .and_then(|blob| agent.and_then(|agent| Some((agent, agent.find(&blob)?))));
        if let Some((agent, key)) = held {
            return self.with_agent_key(agent, key);
        }
        match std::fs::read_to_string(path) {
            Ok(text) if is_encrypted(&text) => {
                self.tried.push(format!(
                    "{what} (it has a passphrase: load it with `ssh-add {what}`)"
                ));
                false
            }
            Ok(_) => self.judge(
                &what,
                self.session
                    .userauth_pubkey_file(self.user, None, path, None),
            ),
            Err(error) if is_named => {
                self.tried.push(format!("{what} ({error})"));
                false
            }
            Err(_) => false,
        }
    }

    fn judge(&mut self, what: &str, answer: Result<(), ssh2::Error>) -> bool {
        let Err(error) = answer else { return true };
        let why = match error.code() {
            ErrorCode::Session(-18 | -19) => "not accepted".to_owned(),
            ErrorCode::Session(code) if CLOSED.contains(&code) => {
                self.is_closed = true;
                "then the node closed the connection".to_owned()
            }
            _ => error.message().to_owned(),
        };
        self.tried.push(format!("{what} ({why})"));
        false
    }

    fn account(&self, has_agent: bool) -> String {
        let mut text = format!("lets user `{}` in with none of your keys: ", self.user);
        match (self.tried.is_empty(), has_agent) {
            (true, false) => {
                text += "there is no SSH agent and no key in ~/.ssh (id_ed25519, id_ecdsa, id_rsa)";
            }
            (true, true) => {
                text += "the SSH agent does not answer, and there is no key in ~/.ssh (id_ed25519, id_ecdsa, id_rsa)";
            }
            (false, true) => {
                text.push_str("tried ");
                text.push_str(&self.tried.join(", "));
            }
            (false, false) => write!(
                text,
                "no SSH agent is running; tried {}",
                self.tried.join(", ")
            )
            .expect("writing to a string does not fail"),
        }
        text
    }
}

/// The wire form of a key file's public key: from its `.pub`, or from the file where that tells it without a passphrase.
fn public_blob(path: &Path) -> Option<Vec<u8>> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".pub");
    let public = std::fs::read_to_string(beside)
        .ok()
        .and_then(|text| ssh_key::PublicKey::from_openssh(&text).ok());
    let inside = || {
        ssh_key::PrivateKey::from_openssh(std::fs::read_to_string(path).ok()?)
            .ok()
            .map(|key| key.public_key().clone())
    };
    public.or_else(inside)?.to_bytes().ok()
}

fn is_encrypted(text: &str) -> bool {
    let is_openssh = ssh_key::PrivateKey::from_openssh(text).is_ok_and(|key| key.is_encrypted());
    is_openssh || text.lines().take(3).any(|line| line.contains("ENCRYPTED"))
}
