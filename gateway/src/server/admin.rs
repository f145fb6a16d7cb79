//! Health for everybody, and the operator's side: drain, status and metrics, on a listener of its own.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;

use super::gateway::Gateway;
use super::scene::{metrics, status};
use crate::desk::{Reply, not_found, text, wrong_method};

/// The answer to a health check, on either side; `None` if the path is none of theirs.
pub(super) fn health(gateway: &Gateway, method: &Method, path: &str) -> Option<Reply> {
    let word = match path {
        "/healthz" if gateway.is_draining() => Err("draining"),
        "/healthz" => Ok(()),
        "/readyz" => gateway.readiness(),
        _ => return None,
    };
    let plain = |status, words: String| text(status, "text/plain; charset=utf-8", words.into());
    Some(match word {
        _ if method != Method::GET && method != Method::HEAD => wrong_method().reply(""),
        Ok(()) => plain(StatusCode::OK, "ok\n".to_owned()),
        Err(why) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    })
}

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
            return text(StatusCode::OK, kind, metrics(gateway).into());
        }
        ("/drain" | "/status" | "/metrics", _) => return wrong_method().reply(""),
        _ => return not_found().reply(""),
    }
    let status = Bytes::from(format!("{}\n", status(gateway)));
    text(StatusCode::OK, "application/json", status)
}
