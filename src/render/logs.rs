//! The audit trail on a node: how it gets into its file and to a receiver, and how that file is rotated.

use askama::Template;

use super::file::{Content, File, Owner};
use super::input::NodeInput;
use super::release::{Part, PartName};
use crate::line::Authority;

#[derive(Template)]
#[template(path = "node/rsyslog.conf.j2", escape = "none")]
struct Rules<'a> {
    receiver: Option<Receiver<'a>>,
}

struct Receiver<'a> {
    host: &'a str,
    port: u16,
    ca: &'static str,
}

#[derive(Template)]
#[template(path = "node/logrotate.conf.j2", escape = "none")]
struct Rotation {
    keep_days: u32,
}

/// rsyslog's rules, with what a node shows to the receiver of its trail.
pub(super) fn rsyslog(input: &NodeInput) -> Part {
    let receiver = input.profile.logs.receiver();
    let rules = Rules {
        receiver: receiver.map(|(host, port)| Receiver {
            host,
            port,
            ca: match input.forward_ca {
                Some(_) => "/var/lib/dsline/current/rsyslog/tls/ca.pem",
                None => "/etc/ssl/certs/ca-certificates.crt",
            },
        }),
    };
    let mut files = vec![File::of_template("dsline.conf", &rules)];
    if receiver.is_some() {
        files.extend(credentials(input));
    }
    Part::new(PartName::Rsyslog, files)
}

/// On Ubuntu rsyslog runs as a user of group adm, on Debian as root.
const READER: Owner = Owner::RootAnd("adm");

fn credentials(input: &NodeInput) -> Vec<File> {
    let name = format!(
        "{}.{}.{}.dsline.internal",
        input.slot.number, input.slot.region, input.profile.name
    );
    let authority = Authority::new(&input.profile.name, input.secret);
    let own = authority.issue_for_client(&name, input.now);
    let chain = Content::new(own.chain_pem.into_bytes());
    let key = Content::new(own.key_pem.expose().as_bytes());
    let ca = input.forward_ca.map(|pem| {
        let pem = Content::new(pem.as_bytes());
        File::new("tls/ca.pem", 0o644, Owner::Root, pem)
    });
    let mut files = vec![
        File::new("tls/chain.pem", 0o644, Owner::Root, chain),
        File::new("tls/key.pem", 0o640, READER, key).hidden_as("[secret]\n"),
    ];
    files.extend(ca);
    files
}

/// logrotate's rules.
pub(super) fn logrotate(input: &NodeInput) -> Part {
    let rotation = Rotation {
        keep_days: input.profile.logs.keep_days,
    };
    Part::new(
        PartName::Logrotate,
        vec![File::of_template("dsline", &rotation)],
    )
}
