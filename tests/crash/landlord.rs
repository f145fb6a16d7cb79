//! A lab of one's own: a cloud process with an account, regions and node addresses that no other worker has.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::account::Account;
use super::http::exchange;
use super::support::variable;
use super::worker::pause;

/// This machine as the nodes see it: they ask here before each command.
const BRIDGE: &str = "198.18.0.1";
/// The first port of the labs, one for each worker.
const PORT: usize = 5610;
/// The first port of their name servers.
const DNS_PORT: usize = 5710;
/// The lab that people use has the first block of addresses.
const FIRST_BLOCK: usize = 1;
/// Things take long enough to be met under way, and no longer.
const PENDING: f32 = 0.4;

/// The owner of a lab.
pub(crate) struct Landlord {
    process: Child,
    authority: String,
    state: PathBuf,
    /// The hosted zone's id.
    zone: String,
    name_server: String,
}

impl Landlord {
    /// Starts the lab of a worker, with nodes of a kind.
    pub(crate) fn start(number: usize, kind: &str) -> Self {
        let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/lab");
        let state = lab_state();
        let own = state.join(format!("crash-{number}"));
        std::fs::create_dir_all(&own).unwrap();
        let log = std::fs::File::create(own.join("cloud.log")).unwrap();
        let port = PORT + number;
        // It ends with this program, however that ends.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "TERM"])
            .arg(state.join("venv/bin/python"))
            .args(["-m", "cloud", "--host", BRIDGE, "--gate"])
            .args(["--port", &port.to_string(), "--node-kind", kind])
            .args(["--dns-port", &(DNS_PORT + number).to_string()])
            .args(["--block", &(FIRST_BLOCK + number).to_string()])
            .arg("--state")
            .arg(&own)
            .current_dir(&lab)
            .env("PYTHONPATH", &lab)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("the lab cannot be started: {error}"));
        let mut landlord = Self {
            process,
            authority: format!("{BRIDGE}:{port}"),
            state: own,
            zone: String::new(),
            name_server: format!("127.0.0.1:{}", DNS_PORT + number),
        };
        landlord.await_ready();
        landlord.admin(
            "POST",
            "settings",
            &json!({
                "pending_seconds": PENDING, "shutting_down_seconds": 0.3, "not_found_seconds": 0.1,
                "insync_seconds": 0.5, "rate_limit": false
            }),
        );
        landlord
    }

    fn await_ready(&mut self) {
        let end = Instant::now() + Duration::from_mins(2);
        while std::net::TcpStream::connect(&self.authority).is_err() {
            let has_ended = self.process.try_wait().unwrap().is_some();
            assert!(
                !has_ended && Instant::now() < end,
                "the lab did not start; see {}",
                self.state.join("cloud.log").display()
            );
            pause();
        }
    }

    /// Its address, which is the AWS endpoint.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// Where it answers DNS.
    pub(crate) fn name_server(&self) -> &str {
        &self.name_server
    }

    /// Where it keeps its files.
    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    /// Begins anew: an empty account with one hosted zone.
    pub(crate) fn reset(&mut self, zone: &str) {
        self.admin("POST", "reset", &Value::Null);
        let body = format!(
            "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
             <Name>{zone}</Name><CallerReference>crash</CallerReference></CreateHostedZoneRequest>"
        );
        // Credentials are not checked in the lab; the scope says which service is meant.
        let signed = "Authorization: AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/route53/aws4_request, \
                      SignedHeaders=host, Signature=0";
        let headers = [signed, "Content-Type: text/xml"];
        let (status, text) = exchange(
            &self.authority,
            "POST /2013-04-01/hostedzone",
            &headers,
            &body,
        );
        assert!(status < 300, "the hosted zone could not be made: {text}");
        let id = text
            .split_once("<Id>/hostedzone/")
            .and_then(|(_, rest)| rest.split_once("</Id>"));
        id.expect("a new zone has an id")
            .0
            .clone_into(&mut self.zone);
    }

    /// Lets a fault wait for its call.
    pub(crate) fn arm(&self, rule: &Value) {
        self.admin("POST", "faults", rule);
    }

    /// The armed fault as it stands now.
    pub(crate) fn fault(&self) -> Value {
        self.admin("GET", "faults", &Value::Null)[0].take()
    }

    /// Takes the fault away; calls that it keeps are dropped.
    pub(crate) fn disarm(&self) {
        self.admin("DELETE", "faults", &Value::Null);
    }

    /// Forgets the calls so far.
    pub(crate) fn forget_calls(&self) {
        self.admin("DELETE", "requests", &Value::Null);
    }

    /// The calls since they were forgotten.
    pub(crate) fn calls(&self) -> Vec<Value> {
        let log = self.admin("GET", "requests/log", &Value::Null);
        log.as_array().expect("a list of calls").clone()
    }

    /// Does something to a node's machine.
    pub(crate) fn act(&self, node: &str, what: &str) {
        self.admin("POST", &format!("nodes/{node}/{what}"), &Value::Null);
    }

    /// All that lies in the account, in every region.
    pub(crate) fn account(&self) -> Account {
        Account::new(self.admin("GET", "account", &Value::Null), &self.zone)
    }

    fn admin(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = format!("{method} /_lab/{path}");
        let (status, text) = exchange(&self.authority, &request, &[], &body);
        assert!(status < 300, "{request}: {status} {text}");
        serde_json::from_str(&text).expect("the lab answers in JSON")
    }
}

impl Drop for Landlord {
    /// Asked to end, it removes its nodes.
    fn drop(&mut self) {
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.process.wait();
    }
}

fn lab_state() -> PathBuf {
    variable("DSLINE_LAB_STATE")
        .unwrap_or_else(|| "/var/lib/dsline-lab".to_owned())
        .into()
}
