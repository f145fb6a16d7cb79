//! The Grafana dashboard of a line: its panels as a table, and the JSON that Grafana reads.

use askama::Template;

use super::document::{filled, quoted};

/// A panel: title, unit, width in 24ths, and its queries with the legend of each.
type Panel = (
    &'static str,
    &'static str,
    u8,
    &'static [(&'static str, &'static str)],
);

/// Rows of panels from top to bottom: what users notice, what is spared, who said no, how the nodes are.
#[rustfmt::skip]
const PANELS: &[Panel] = &[
    ("Nodes up", "none", 4, &[(r#"sum(up{job="dsline", line=~"$line", node=~"$node"})"#, "up")]),
    ("Requests a second", "reqps", 4, &[(r#"sum(rate(dsline_requests_total{line=~"$line", node=~"$node"}[$__rate_interval]))"#, "all")]),
    ("Answers without an upstream call", "percentunit", 4, &[(r#"avg(dsline:saved:ratio5m{line=~"$line"})"#, "spared")]),
    ("Errors", "percentunit", 4, &[(r#"avg(dsline:errors:ratio5m{line=~"$line"})"#, "5xx")]),
    ("Certificate ends in", "s", 4, &[(r#"min(probe_ssl_earliest_cert_expiry{line=~"$line", node=~"$node"}) - time()"#, "first to end")]),
    ("Upstream tokens in 24 h", "short", 4, &[(r#"sum(dsline:tokens:increase1d{line=~"$line"})"#, "tokens")]),
    ("Time to the first byte", "s", 12, &[
        (r#"max by (node) (api_response_time_seconds{line=~"$line", node=~"$node", quantile="0.99"})"#, "p99 {{node}}"),
        (r#"max by (node) (api_response_time_seconds{line=~"$line", node=~"$node", quantile="0.5"})"#, "p50 {{node}}"),
    ]),
    ("Time to the last byte", "s", 12, &[
        (r#"histogram_quantile(0.99, sum by (le) (rate(dsline_request_duration_seconds_bucket{line=~"$line", node=~"$node"}[$__rate_interval])))"#, "p99"),
        (r#"histogram_quantile(0.9, sum by (le) (rate(dsline_request_duration_seconds_bucket{line=~"$line", node=~"$node"}[$__rate_interval])))"#, "p90"),
        (r#"histogram_quantile(0.5, sum by (le) (rate(dsline_request_duration_seconds_bucket{line=~"$line", node=~"$node"}[$__rate_interval])))"#, "p50"),
    ]),
    ("Requests by outcome", "reqps", 12, &[(r#"sum by (class) (rate(dsline_requests_total{line=~"$line", node=~"$node"}[$__rate_interval]))"#, "{{class}}")]),
    ("Where answers came from", "reqps", 12, &[(r#"sum by (verdict) (rate(dsline_cache_requests_total{line=~"$line", node=~"$node"}[$__rate_interval]))"#, "{{verdict}}")]),
    ("Time to the first token, by model", "s", 12, &[(r#"histogram_quantile(0.9, sum by (le, gen_ai_request_model) (rate(gen_ai_server_time_to_first_token_seconds_bucket{line=~"$line", node=~"$node"}[$__rate_interval])))"#, "p90 {{gen_ai_request_model}}")]),
    ("Tokens a second, by model and kind", "short", 12, &[
        (r#"sum by (gen_ai_request_model, gen_ai_token_type) (rate(gen_ai_client_token_usage_sum{line=~"$line", node=~"$node"}[$__rate_interval]))"#, "{{gen_ai_request_model}} {{gen_ai_token_type}}"),
        (r#"sum by (by) (rate(dsline_saved_tokens_total{line=~"$line", node=~"$node"}[$__rate_interval]))"#, "spared by {{by}}"),
    ]),
    ("Refused by a limit", "reqps", 8, &[(r#"sum by (kind) (rate(dsline_refused_total{line=~"$line", node=~"$node"}[$__rate_interval]))"#, "{{kind}}")]),
    ("Not let in", "reqps", 8, &[(r#"sum by (reason) (rate(dsline_denied_total{line=~"$line", node=~"$node"}[$__rate_interval]))"#, "{{reason}}")]),
    ("Upstream calls by outcome", "reqps", 8, &[(r#"sum by (upstream, outcome) (rate(dsline_upstream_attempts_total{line=~"$line", node=~"$node"}[$__rate_interval]))"#, "{{upstream}} {{outcome}}")]),
    ("In flight", "none", 8, &[
        (r#"sum by (node) (dsline_in_flight{line=~"$line", node=~"$node"})"#, "requests {{node}}"),
        (r#"sum by (node) (dsline_streams_open{line=~"$line", node=~"$node"})"#, "streams {{node}}"),
        (r#"sum by (node) (dsline_waiting_for_permit{line=~"$line", node=~"$node"})"#, "waiting {{node}}"),
    ]),
    ("Upstream permits in use", "percentunit", 8, &[(r#"sum by (node) (dsline_upstream_permits{line=~"$line", node=~"$node", kind="used"}) / sum by (node) (dsline_upstream_permits{line=~"$line", node=~"$node", kind="all"})"#, "{{node}}")]),
    ("Breakers (0 passing, 1 on trial, 2 open)", "none", 8, &[(r#"max by (node, upstream) (dsline_breaker_state{line=~"$line", node=~"$node"})"#, "{{node}} {{upstream}}")]),
    ("The gateway's own time, p99", "s", 8, &[(r#"histogram_quantile(0.99, sum by (le, node) (rate(dsline_overhead_seconds_bucket{line=~"$line", node=~"$node"}[$__rate_interval])))"#, "{{node}}")]),
    ("Memory of the gateway", "bytes", 8, &[
        (r#"max by (node) (process_resident_memory_bytes{job="dsline", line=~"$line", node=~"$node"})"#, "process {{node}}"),
        (r#"max by (node) (dsline_cache_bytes{line=~"$line", node=~"$node"})"#, "cache {{node}}"),
    ]),
    ("Audit trail", "bytes", 8, &[
        (r#"max by (node) (dsline_audit_spool_bytes{line=~"$line", node=~"$node"})"#, "spool {{node}}"),
        (r#"sum by (node) (increase(dsline_audit_records_dropped_total{line=~"$line", node=~"$node"}[$__rate_interval]))"#, "records lost {{node}}"),
    ]),
];

/// Grafana's grid has so many columns.
const COLUMNS: u8 = 24;
/// A panel of one number, and one with curves.
const HEIGHTS: (u16, u16) = (4, 8);

#[derive(Template)]
#[template(path = "monitoring/dashboard.json.j2", escape = "none")]
struct Dashboard {
    panels: Vec<Placed>,
}

/// A panel with its place; texts are JSON.
struct Placed {
    id: usize,
    kind: &'static str,
    title: String,
    unit: &'static str,
    x: u8,
    y: u16,
    width: u8,
    height: u16,
    queries: Vec<Query>,
}

struct Query {
    name: char,
    expression: String,
    legend: String,
}

/// The dashboard's JSON.
pub(super) fn dashboard() -> String {
    let (mut x, mut y, mut row) = (0, 0, 0);
    let mut panels = Vec::new();
    for (at, (title, unit, width, queries)) in PANELS.iter().enumerate() {
        if x + width > COLUMNS {
            (x, y) = (0, y + row);
        }
        // Narrow ones show one number each.
        let is_number = *width < 8;
        row = if is_number { HEIGHTS.0 } else { HEIGHTS.1 };
        panels.push(Placed {
            id: at + 1,
            kind: if is_number { "stat" } else { "timeseries" },
            title: quoted(title),
            unit,
            x,
            y,
            width: *width,
            height: row,
            queries: queries_of(queries),
        });
        x += width;
    }
    filled(&Dashboard { panels })
}

fn queries_of(queries: &[(&str, &str)]) -> Vec<Query> {
    let one = |(name, (expression, legend)): (char, &(&str, &str))| Query {
        name,
        expression: quoted(expression),
        legend: quoted(legend),
    };
    ('A'..='Z').zip(queries).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn it_is_json_and_no_panels_overlap() {
        let dashboard: Value = serde_json::from_str(&dashboard()).unwrap();
        let panels = dashboard["panels"].as_array().unwrap();
        assert_eq!(panels.len(), PANELS.len());
        let mut taken = std::collections::BTreeSet::new();
        for panel in panels {
            let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            assert!(side("x") + side("w") <= u64::from(COLUMNS));
            for x in side("x")..side("x") + side("w") {
                for y in side("y")..side("y") + side("h") {
                    assert!(taken.insert((x, y)), "{} overlaps", panel["title"]);
                }
            }
        }
    }
}
