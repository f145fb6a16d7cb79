//! A public certificate authority for stories: Pebble, the small ACME server of Let's Encrypt's own makers.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::json;

use super::story::{Story, name_server, wait_until};

/// A Pebble that ends with it.
pub(crate) struct Pebble {
    process: Child,
    folder: PathBuf,
    directory: u16,
    management: u16,
}

impl Pebble {
    /// Starts one on the lab's own DNS, whose certificates last so many seconds.
    pub(crate) fn start(story: &Story, seconds: u64) -> Self {
        let folder = story.home().join(format!("pebble-{seconds}"));
        std::fs::create_dir_all(&folder).unwrap();
        let (directory, management) = (free_port(), free_port());
        write_certificates(&folder);
        let settings = json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{directory}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": folder.join("server.pem"),
            "privateKey": folder.join("server.key"),
            "httpPort": 5002,
            "tlsPort": 5001,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
            "certificateValidityPeriod": seconds,
        }});
        std::fs::write(folder.join("pebble.json"), settings.to_string()).unwrap();
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let process = Command::new("pebble")
            .args(["-strict", "-config", "pebble.json", "-dnsserver"])
            .arg(name_server())
            .env("PEBBLE_VA_NOSLEEP", "1")
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        let pebble = Self {
            process: process.expect("Pebble can be run (apt install pebble)"),
            folder,
            directory,
            management,
        };
        wait_until("Pebble answers", Duration::from_secs(10), || {
            pebble.ask("dir", pebble.directory).is_some()
        });
        pebble
    }

    /// What a profile says to use it.
    pub(crate) fn section(&self) -> String {
        format!(
            "[certificate]\nissuer = \"acme\"\ndirectory = \"https://127.0.0.1:{}/dir\"\ndirectory_ca = \"{}\"\n",
            self.directory,
            self.folder.join("ca.pem").display()
        )
    }

    /// The root that its clients' clients trust, in a file.
    pub(crate) fn root(&self) -> PathBuf {
        let path = self.folder.join("root.pem");
        let root = self.ask("roots/0", self.management);
        std::fs::write(&path, root.expect("Pebble has a root")).unwrap();
        path
    }

    fn ask(&self, path: &str, port: u16) -> Option<Vec<u8>> {
        let asked = Command::new("curl")
            .args(["-sf", "--noproxy", "*", "--max-time", "5", "--cacert"])
            .arg(self.folder.join("ca.pem"))
            .arg(format!("https://127.0.0.1:{port}/{path}"))
            .output()
            .unwrap();
        asked.status.success().then_some(asked.stdout)
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The server's own certificate, and the authority that signed it: ACME is spoken over TLS only.
fn write_certificates(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Two certificates of one name would look as if the server had signed its own.
    params
        .distinguished_name
        .push(DnType::CommonName, "the directory's authority");
    let ca = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let server = KeyPair::generate().unwrap();
    let names = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let signed = names.signed_by(&server, &issuer).unwrap();
    for (name, text) in [
        ("ca.pem", ca.pem()),
        ("server.pem", signed.pem()),
        ("server.key", server.serialize_pem()),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
