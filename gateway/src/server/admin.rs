//! The operator's side: health, drain, status and metrics, on a listener of its own.

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;

use super::gateway::Gateway;
use super::rescue::{not_found, wrong_method};
use super::routes::{Reply, health, refuse, text};

/// Answers the operator, or Prometheus.
pub(super) fn answer(gateway: &Gateway, request: &Request<Incoming>) -> Reply {
    let (method, path) = (request.method(), request.uri().path());
    if let Some(reply) = health(gateway, method, path) {
        return reply;
    }
    match (path, method) {
        ("/drain", &Method::POST) => gateway.drain(true),
        ("/drain", &Method::DELETE) => gateway.drain(false),
        ("/status", &Method::GET) => {}
        ("/metrics", &Method::GET) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            return text(StatusCode::OK, kind, gateway.metrics().into());
        }
        ("/drain" | "/status" | "/metrics", _) => return refuse(&wrong_method(), ""),
        _ => return refuse(&not_found(), ""),
    }
    text(
        StatusCode::OK,
        "application/json",
        format!("{}\n", gateway.status()).into(),
    )
}
