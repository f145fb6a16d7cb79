//! The proxy in front of a node's gateway, with the certificate that it shows.

use askama::Template;

use super::file::{Content, File, Owner};
use super::input::NodeInput;
use super::release::{Part, PartName};
use super::waf::waf;
use crate::line::{Authority, Profile, TlsMinimum};

#[derive(Template)]
#[template(path = "node/nginx.conf.j2", escape = "none")]
struct Configuration<'a> {
    slot: String,
    tls_protocols: &'a str,
    requests_per_second: u32,
    burst: u32,
    connections: u32,
    health: Health,
    waf: Option<String>,
    body_limit_mib: u32,
    connect_timeout_seconds: u32,
    read_timeout_seconds: u32,
}

/// What one address may ask of a node's health. Never less than what Route 53's checkers and a push need together, however
/// few requests the profile leaves to users.
struct Health {
    requests_per_second: u32,
    burst: u32,
    connections: u32,
}

/// nginx's main file and its certificate.
pub(super) fn nginx(input: &NodeInput) -> Part {
    let own = || {
        let authority = Authority::new(&input.profile.name, input.secret);
        authority.issue(&certificate_names(input), input.now)
    };
    let certificate = input.certificate.cloned().unwrap_or_else(own);
    let chain = Content::new(certificate.chain_pem.into_bytes());
    let key = Content::new(certificate.key_pem.expose().as_bytes());
    let reader = format!("\"Bearer {}\" 1;\n", input.secret.metrics_token().expose());
    let reader = Content::new(reader.into_bytes());
    let files = vec![
        File::new("metrics_reader.conf", 0o600, Owner::Root, reader).hidden_as("[secret]\n"),
        File::of_template("nginx.conf", &configuration(input)),
        File::new("tls/fullchain.pem", 0o644, Owner::Root, chain),
        File::new("tls/key.pem", 0o600, Owner::Root, key).hidden_as("[secret]\n"),
    ];
    Part::new(PartName::Nginx, files)
}

fn configuration<'a>(input: &NodeInput<'a>) -> Configuration<'a> {
    let Profile {
        nginx,
        gateway,
        upstream,
        ..
    } = input.profile;
    Configuration {
        slot: input.slot.to_string(),
        tls_protocols: match nginx.tls_min {
            TlsMinimum::Tls12 => "TLSv1.2 TLSv1.3",
            TlsMinimum::Tls13 => "TLSv1.3",
        },
        requests_per_second: nginx.requests_per_second,
        burst: nginx.burst,
        connections: nginx.connections,
        health: Health {
            requests_per_second: nginx.requests_per_second.max(10),
            burst: nginx.burst.max(50),
            connections: nginx.connections.max(20),
        },
        waf: waf(&input.profile.waf),
        body_limit_mib: gateway.body_limit_mib,
        connect_timeout_seconds: upstream.connect_timeout_seconds,
        read_timeout_seconds: upstream.read_timeout_seconds,
    }
}

/// What clients may call the node: the line's host name and the node's address.
fn certificate_names(input: &NodeInput) -> Vec<String> {
    let host = input
        .profile
        .has_domain()
        .then(|| input.profile.dns.host.clone());
    let address = input.address.map(|address| address.to_string());
    let mut names: Vec<String> = host.into_iter().chain(address).collect();
    if names.is_empty() {
        // Rendered offline for a line without a domain: a certificate must name something.
        names.push("localhost".to_owned());
    }
    names
}
