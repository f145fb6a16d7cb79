//! `dsline export`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::json;

use crate::export::{
    Cluster, Document, Notice, Target, Trust, Watch, edge, kubernetes, monitoring,
};
use crate::line::Hint as _;
use crate::operator::{Environment, line_secret, write_whole};
use crate::output::Printer;

use super::global::Global;
use super::outcome::Outcome;

/// Write files for Prometheus, Kubernetes or Cloudflare; no account is needed.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Write what Prometheus, Alertmanager and Grafana need to watch the line
    Monitoring(MonitoringArgs),
    /// Write manifests of the gateway for Kubernetes; no secret among them
    K8s(KubernetesArgs),
    /// Write a Cloudflare Worker that picks the nearest healthy region
    Edge(EdgeArgs),
}

#[derive(Debug, clap::Args)]
struct MonitoringArgs {
    /// Folder to write to; it must be empty or not exist
    #[arg(value_name = "DIR")]
    out: PathBuf,
    /// A node to watch; may be repeated, and changed later in a file
    #[arg(long = "node", value_name = "REGION/N=IP", value_parser = target)]
    nodes: Vec<Target>,
    /// The nodes' certificates are publicly trusted, not the line's own
    #[arg(long)]
    public_ca: bool,
    /// URL that alerts are posted to
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Address that alerts are mailed to
    #[arg(long, value_name = "ADDRESS")]
    mail: Option<String>,
    /// Mail server for --mail
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:25")]
    smarthost: String,
    /// Warn when upstreams were asked for more tokens than this in a day
    #[arg(long, value_name = "N")]
    tokens_a_day: Option<u64>,
}

#[derive(Debug, clap::Args)]
struct KubernetesArgs {
    /// Folder to write to; it must be empty or not exist
    #[arg(value_name = "DIR")]
    out: PathBuf,
    /// The gateway's image; the README written there says how to make it
    #[arg(long, value_name = "IMAGE", default_value = concat!("dsline-gateway:", env!("CARGO_PKG_VERSION")))]
    image: String,
    /// Namespace of everything
    #[arg(long, value_name = "NAME", default_value = "dsline")]
    namespace: String,
    /// Class of the Ingress
    #[arg(long, value_name = "NAME", default_value = "nginx")]
    ingress_class: String,
}

#[derive(Debug, clap::Args)]
struct EdgeArgs {
    /// Folder to write to; it must be empty or not exist
    #[arg(value_name = "DIR")]
    out: PathBuf,
}

/// Writes one of the three.
pub fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let profile = global.profile(environment)?.profile;
    let (out, documents) = match &args.what {
        What::Monitoring(args) => {
            let secret = line_secret(environment, &profile)?;
            (&args.out, monitoring(&profile, &secret, &watch(args)))
        }
        What::K8s(args) => {
            let cluster = Cluster {
                namespace: args.namespace.clone(),
                image: args.image.clone(),
                ingress_class: args.ingress_class.clone(),
            };
            (&args.out, kubernetes(&profile, &cluster))
        }
        What::Edge(args) => {
            if !profile.has_domain() {
                return Err(anyhow!("line `{}` has no host name", profile.name)).hint(
                    "set `dns.host` in the profile: the Worker finds regions by their names",
                );
            }
            (&args.out, edge(&profile))
        }
    };
    let out = environment.resolve(out);
    write(&out, &documents)?;
    printer.note(format!(
        "written to {}; its README.md says what to do with it",
        out.display()
    ));
    let paths: Vec<&str> = documents.iter().map(|one| one.path.as_str()).collect();
    for path in &paths {
        printer.line(path);
    }
    printer.document(&json!({ "folder": out, "files": paths }))?;
    Ok(Outcome::Done)
}

fn watch(args: &MonitoringArgs) -> Watch {
    Watch {
        targets: args.nodes.clone(),
        trust: if args.public_ca {
            Trust::Public
        } else {
            Trust::Line
        },
        notice: Notice {
            webhook: args.webhook.clone(),
            mail: args.mail.clone(),
            smarthost: args.smarthost.clone(),
        },
        tokens_a_day: args.tokens_a_day,
    }
}

fn write(out: &Path, documents: &[Document]) -> Result<()> {
    ensure!(
        fs::read_dir(out).map_or(true, |mut entries| entries.next().is_none()),
        "{} is not empty",
        out.display()
    );
    for document in documents {
        let path = out.join(&document.path);
        let folder = path.parent().unwrap_or(out);
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))
            .hint("see whether the folder above is yours, then repeat the command")?;
        let mode = if document.is_secret { 0o600 } else { 0o644 };
        write_whole(&path, document.text.as_bytes(), mode)?;
    }
    Ok(())
}

/// `eu-west-1/1=198.51.100.7`
fn target(text: &str) -> Result<Target, String> {
    let shape = || format!("`{text}` must look like eu-west-1/1=198.51.100.7");
    let (slot, address) = text.split_once('=').ok_or_else(shape)?;
    Ok(Target {
        slot: slot.parse()?,
        address: address.parse().map_err(|_| shape())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_names_slot_and_address() {
        let good = target("eu-west-1/2=198.51.100.7").unwrap();
        assert_eq!(good.slot.to_string(), "eu-west-1/2");
        for odd in ["eu-west-1/2", "eu-west-1/2=x", "x/1=198.51.100.7", "="] {
            assert!(target(odd).is_err(), "{odd}");
        }
    }
}
