//! What a Prometheus, an Alertmanager and a Grafana elsewhere need to watch a line.

use std::net::Ipv4Addr;

use askama::Template;
use serde_json::{Value, json};

use super::dashboard::dashboard;
use super::document::{Document, quoted};
use crate::line::{Authority, LineSecret, Profile, Slot};

/// A node to be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its place in the line.
    pub slot: Slot,
    /// Its public address.
    pub address: Ipv4Addr,
}

/// Whose certificates the nodes show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The line's own authority; certificates name the node's address.
    Line,
    /// An authority that everybody trusts; certificates name the line's host.
    Public,
}

/// Who is told of an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// A URL that is posted to.
    pub webhook: Option<String>,
    /// A mail address.
    pub mail: Option<String>,
    /// The mail server, `host:port`.
    pub smarthost: String,
}

/// How to watch.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The nodes that are known now.
    pub targets: Vec<Target>,
    /// Whose certificates they show.
    pub trust: Trust,
    /// Who is told.
    pub notice: Notice,
    /// Upstream tokens a day above which the budget's alert fires.
    pub tokens_a_day: Option<u64>,
}

#[derive(Template)]
#[template(path = "monitoring/prometheus.yml.j2", escape = "none")]
struct Prometheus {
    server_name: Option<String>,
    is_public: bool,
}

#[derive(Template)]
#[template(path = "monitoring/rules.yml.j2", escape = "none")]
struct Rules {
    tokens_a_day: Option<u64>,
}

#[derive(Template)]
#[template(path = "monitoring/alertmanager.yml.j2", escape = "none")]
struct Alertmanager {
    webhook: Option<String>,
    mail: Option<String>,
    smarthost: String,
}

#[derive(Template)]
#[template(path = "monitoring/blackbox.yml.j2", escape = "none")]
struct Blackbox {
    server_name: Option<String>,
    is_public: bool,
}

#[derive(Template)]
#[template(path = "monitoring/datasource.yml.j2", escape = "none")]
struct Datasource;

#[derive(Template)]
#[template(path = "monitoring/dashboards.yml.j2", escape = "none")]
struct Dashboards;

#[derive(Template)]
#[template(path = "monitoring/README.md.j2", escape = "none")]
struct Readme<'a> {
    line: &'a str,
    is_public: bool,
    has_mail: bool,
}

/// Every file of the export.
pub fn monitoring(profile: &Profile, secret: &LineSecret, watch: &Watch) -> Vec<Document> {
    let is_public = watch.trust == Trust::Public;
    // The address is in the line's own certificates; a public one has the host name only.
    let server_name = (is_public && profile.has_domain()).then(|| quoted(&profile.dns.host));
    let prometheus = Prometheus {
        server_name: server_name.clone(),
        is_public,
    };
    let blackbox = Blackbox {
        server_name,
        is_public,
    };
    let readme = Readme {
        line: profile.name.as_str(),
        is_public,
        has_mail: watch.notice.mail.is_some(),
    };
    let mut documents = vec![
        Document::of_template("README.md", &readme),
        Document::of_template("prometheus/prometheus.yml", &prometheus),
        Document::new("prometheus/dsline-rules.yml", rules(watch.tokens_a_day)),
        Document::new(
            "prometheus/dsline-targets.json",
            pretty(&targets(profile, &watch.targets)),
        ),
        token(secret),
        Document::of_template("blackbox/blackbox.yml", &blackbox),
        alertmanager(&watch.notice),
        Document::of_template("grafana/provisioning/datasources/dsline.yml", &Datasource),
        Document::of_template("grafana/provisioning/dashboards/dsline.yml", &Dashboards),
        Document::new("grafana/dashboards/dsline.json", dashboard()),
    ];
    if !is_public {
        let authority = Authority::new(&profile.name, secret).certificate_pem();
        for folder in ["prometheus", "blackbox"] {
            documents.push(Document::new(
                &format!("{folder}/dsline-ca.pem"),
                authority.clone(),
            ));
        }
    }
    documents
}

/// Recording and alert rules, as Prometheus and the operator's `PrometheusRule` hold them.
pub(super) fn rules(tokens_a_day: Option<u64>) -> String {
    super::document::filled(&Rules { tokens_a_day })
}

fn token(secret: &LineSecret) -> Document {
    Document {
        path: "prometheus/dsline-metrics.token".to_owned(),
        text: format!("{}\n", secret.metrics_token().expose()),
        is_secret: true,
    }
}

fn alertmanager(notice: &Notice) -> Document {
    let template = Alertmanager {
        webhook: notice.webhook.as_deref().map(quoted),
        mail: notice.mail.as_deref().map(quoted),
        smarthost: quoted(&notice.smarthost),
    };
    let document = Document::of_template("alertmanager/alertmanager.yml", &template);
    Document {
        // A webhook's URL is often all that one needs to post to it.
        is_secret: notice.webhook.is_some(),
        ..document
    }
}

/// The nodes as Prometheus's `file_sd` reads them.
fn targets(profile: &Profile, targets: &[Target]) -> Value {
    let one = |target: &Target| {
        json!({
            "targets": [format!("{}:443", target.address)],
            "labels": {
                "line": profile.name.as_str(),
                "region": target.slot.region.as_str(),
                "node": target.slot.to_string(),
            },
        })
    };
    targets.iter().map(one).collect()
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(trust: Trust) -> Vec<Document> {
        let mut profile = Profile::default();
        profile.dns.host = "llm.example.com".to_owned();
        let watch = Watch {
            targets: vec![Target {
                slot: "eu-west-1/1".parse().unwrap(),
                address: Ipv4Addr::new(198, 51, 100, 7),
            }],
            trust,
            notice: Notice {
                webhook: Some("https://example.com/hook\" x: \"y".to_owned()),
                ..Notice::default()
            },
            tokens_a_day: Some(5_000_000),
        };
        monitoring(&profile, &LineSecret::from_bytes([1; 32]), &watch)
    }

    fn text_of<'a>(documents: &'a [Document], path: &str) -> &'a str {
        &documents
            .iter()
            .find(|document| document.path == path)
            .unwrap()
            .text
    }

    #[test]
    fn the_token_stands_in_its_own_file_only() {
        let token = LineSecret::from_bytes([1; 32]).metrics_token();
        let all = export(Trust::Line);
        let holders: Vec<&Document> = all
            .iter()
            .filter(|document| document.text.contains(token.expose()))
            .collect();
        assert_eq!(holders.len(), 1);
        assert!(holders[0].is_secret && holders[0].path.contains(".token"));
    }

    #[test]
    fn a_public_certificate_is_asked_for_by_the_host_name() {
        let public = export(Trust::Public);
        let config = text_of(&public, "prometheus/prometheus.yml");
        assert!(config.contains("server_name: \"llm.example.com\"") && !config.contains("ca_file"));
        let own = export(Trust::Line);
        let config = text_of(&own, "prometheus/prometheus.yml");
        assert!(config.contains("ca_file: dsline-ca.pem") && !config.contains("server_name"));
    }

    #[test]
    fn a_url_stays_one_string_and_the_budget_is_the_one_asked_for() {
        let all = export(Trust::Line);
        let route = text_of(&all, "alertmanager/alertmanager.yml");
        assert!(
            route.contains(r#"url: "https://example.com/hook\" x: \"y""#),
            "{route}"
        );
        assert!(text_of(&all, "prometheus/dsline-rules.yml").contains("> 5000000"));
        assert!(!rules(None).contains("TokenBudget"));
    }
}
