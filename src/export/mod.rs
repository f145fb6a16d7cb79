//! Files for machines that are not the line's: Prometheus and Grafana, Kubernetes, a Cloudflare Worker, clients; pure.

mod client;
mod dashboard;
mod document;
mod edge;
mod kubernetes;
mod monitoring;

pub use client::{Client, Reach};
pub use document::Document;
pub use edge::edge;
pub use kubernetes::{Cluster, kubernetes};
pub use monitoring::{Notice, Target, Trust, Watch, monitoring};
