//! The gateway of a line as Kubernetes runs it: manifests for Kustomize, with secrets by reference only.

use std::fmt::Write as _;

use askama::Template;
use toml::{Table, Value};

use super::document::{Document, quoted};
use super::monitoring::rules;
use crate::line::Profile;
use crate::render::gateway_settings;

/// Pods at least and at most; the recipe's numbers.
const PODS: (u32, u32) = (3, 10);
/// Requests in flight for each pod above which there are more pods; a node of 1 GB carries far more for a while.
const IN_FLIGHT: u32 = 50;

/// Networks that an Ingress comes from; who is in the cluster may claim another address than its own.
const PROXIES: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/// What only the cluster's owner knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Where everything goes.
    pub namespace: String,
    /// The gateway's image, in a registry that the cluster reaches.
    pub image: String,
    /// The class of the Ingress.
    pub ingress_class: String,
}

#[derive(Template)]
#[template(path = "k8s/kustomization.yaml.j2", escape = "none")]
struct Kustomization<'a> {
    namespace: &'a str,
}

#[derive(Template)]
#[template(path = "k8s/deployment.yaml.j2", escape = "none")]
struct Deployment {
    image: String,
    replicas: u32,
    memory_mib: u32,
}

#[derive(Template)]
#[template(path = "k8s/service.yaml.j2", escape = "none")]
struct Service;

#[derive(Template)]
#[template(path = "k8s/ingress.yaml.j2", escape = "none")]
struct Ingress {
    class: String,
    host: Option<String>,
    body_mib: u32,
    read_timeout_seconds: u32,
}

#[derive(Template)]
#[template(path = "k8s/scaling.yaml.j2", escape = "none")]
struct Scaling {
    min: u32,
    max: u32,
    in_flight: u32,
}

#[derive(Template)]
#[template(path = "k8s/monitoring.yaml.j2", escape = "none")]
struct Monitoring {
    line: String,
    rules: String,
}

#[derive(Template)]
#[template(path = "k8s/adapter-values.yaml.j2", escape = "none")]
struct Adapter;

#[derive(Template)]
#[template(path = "k8s/README.md.j2", escape = "none")]
struct Readme<'a> {
    cluster: &'a Cluster,
    version: &'static str,
}

/// Every manifest; none holds a secret.
pub fn kubernetes(profile: &Profile, cluster: &Cluster) -> Vec<Document> {
    let deployment = Deployment {
        image: quoted(&cluster.image),
        replicas: PODS.0,
        memory_mib: profile.gateway.memory_mib,
    };
    let ingress = Ingress {
        class: quoted(&cluster.ingress_class),
        host: profile.has_domain().then(|| quoted(&profile.dns.host)),
        body_mib: profile.gateway.body_limit_mib,
        read_timeout_seconds: profile.upstream.read_timeout_seconds,
    };
    let (min, max) = PODS;
    let scaling = Scaling {
        min,
        max,
        in_flight: IN_FLIGHT,
    };
    let monitoring = Monitoring {
        line: quoted(profile.name.as_str()),
        rules: indented(&rules(None), 2),
    };
    let namespace = &cluster.namespace;
    vec![
        Document::of_template("kustomization.yaml", &Kustomization { namespace }),
        Document::new("gateway.toml", settings(profile)),
        Document::of_template("deployment.yaml", &deployment),
        Document::of_template("service.yaml", &Service),
        Document::of_template("ingress.yaml", &ingress),
        Document::of_template("scaling.yaml", &scaling),
        Document::of_template("monitoring.yaml", &monitoring),
        Document::of_template("adapter-values.yaml", &Adapter),
        Document::of_template(
            "README.md",
            &Readme {
                cluster,
                version: env!("CARGO_PKG_VERSION"),
            },
        ),
    ]
}

/// A node's settings, without what only a node has: sockets, a Redis beside it, a syslog that reads a spool.
fn settings(profile: &Profile) -> String {
    let mut settings: Table = gateway_settings(profile, "kubernetes")
        .parse()
        .expect("a rendered file is TOML");
    settings.insert("listen".to_owned(), "0.0.0.0:8080".into());
    settings.insert("admin".to_owned(), "0.0.0.0:8081".into());
    let mut without = |section: &str, keys: &[&str]| {
        let table = settings.get_mut(section).and_then(Value::as_table_mut);
        let table = table.expect("the template has this section");
        for key in keys {
            table.remove(*key);
        }
    };
    without(
        "cache",
        &["redis", "redis_password_file", "redis_timeout_ms"],
    );
    without("audit", &["folder"]);
    let auth = settings["auth"].as_table_mut().expect("a section");
    auth.insert("trusted_proxies".to_owned(), PROXIES.to_vec().into());
    let quota = settings["quota"].as_table_mut().expect("a section");
    let pods = usize::try_from(PODS.1).expect("a small number");
    let permits = profile.quota.permits_of_node(pods);
    quota.insert("upstream_permits".to_owned(), i64::from(permits).into());
    toml::to_string(&settings).expect("what was TOML is TOML")
}

fn indented(text: &str, by: usize) -> String {
    let mut shifted = String::new();
    for line in text.trim_end().lines() {
        let width = if line.is_empty() { 0 } else { by };
        writeln!(shifted, "{:width$}{line}", "").expect("writing to a string does not fail");
    }
    shifted.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export() -> Vec<Document> {
        let mut profile = Profile::default();
        profile.dns.host = "llm.example.com".to_owned();
        let cluster = Cluster {
            namespace: "llm".to_owned(),
            image: "registry.example.com/dsline-gateway:1".to_owned(),
            ingress_class: "nginx".to_owned(),
        };
        kubernetes(&profile, &cluster)
    }

    #[test]
    fn every_manifest_is_listed_and_no_secret_is_made() {
        let all = export();
        let list = &all[0].text;
        for document in &all[1..] {
            let is_listed = !["README.md", "adapter-values.yaml"].contains(&document.path.as_str());
            assert_eq!(
                list.contains(&document.path),
                is_listed,
                "{}",
                document.path
            );
            assert!(!document.text.contains("kind: Secret"));
        }
    }

    #[test]
    fn the_gateway_s_settings_name_ports_and_no_place_of_a_node() {
        let profile = Profile::default();
        let settings: Table = settings(&profile).parse().unwrap();
        assert_eq!(settings["admin"].as_str(), Some("0.0.0.0:8081"));
        let text = settings.to_string();
        assert!(
            !text.contains("redis") && !text.contains("/var/spool"),
            "{text}"
        );
        let permits = settings["quota"]["upstream_permits"].as_integer().unwrap();
        assert!(permits * 10 <= i64::from(profile.quota.account_permits).max(10));
    }
}
