//! The account as one Markdown file.

use super::account::{Account, NodeNow, Window, share};

/// The file's text; tables of GitHub's kind.
pub fn markdown(account: &Account) -> String {
    let mut text = format!(
        "# Line `{}` from {:.0} to {:.0}\n\nMade at {:.0}; times are UTC.\n",
        account.line, account.since, account.until, account.made
    );
    text += &table("Summary", &["what", "figure"], &summary(account), "");
    let timeline = account.timeline.iter();
    let timeline = timeline.map(|event| {
        vec![
            format!("{:.0}", event.at),
            event.place.clone(),
            event.kind.to_owned(),
            event.what.clone(),
        ]
    });
    text += &table(
        "Timeline",
        &["time", "where", "who tells it", "what happened"],
        &timeline.collect::<Vec<_>>(),
        "Nothing is on record.",
    );
    let traffic: Vec<Vec<String>> = account.traffic.iter().map(window).collect();
    text += &table(
        "Requests, by node and five minutes",
        &[
            "from",
            "node",
            "requests",
            "errors",
            "share",
            "429",
            "other 4xx",
        ],
        &traffic,
        "No request is on record.",
    );
    text += "\nErrors are answers of 500 and more, and those that the upstream cut off.\n";
    let now: Vec<Vec<String>> = account.now.iter().map(node).collect();
    text += &table(
        "Nodes when this was made",
        &["node", "release", "drains", "taken out of DNS", "upstreams"],
        &now,
        "No node was reached.",
    );
    text += "\n## Errors in the logs\n\n";
    text += &excerpts(account);
    let not_read: Vec<Vec<String>> = account
        .not_read
        .iter()
        .map(|one| vec![one.what.clone(), one.why.clone()])
        .collect();
    text += &table(
        "Not read",
        &["what", "why"],
        &not_read,
        "Everything was read.",
    );
    let remarks = account.remarks.iter();
    text.extend(remarks.map(|remark| format!("\nNote: {}.\n", flat(remark))));
    text
}

fn summary(account: &Account) -> Vec<Vec<String>> {
    let summary = &account.summary;
    let worst = summary.worst.as_ref().map_or_else(
        || "none".to_owned(),
        |worst| {
            format!(
                "{} on {}: {} of {} requests",
                worst.from, worst.node, worst.errors, worst.requests
            )
        },
    );
    [
        ("requests", summary.requests.to_string()),
        (
            "errors",
            format!("{} ({})", summary.errors, percent(summary.error_share)),
        ),
        ("answers with 429", summary.limited.to_string()),
        ("five minutes with most errors", worst),
        ("changes by the loop", summary.changes.to_string()),
        ("releases", summary.releases.to_string()),
        ("starts of a gateway", summary.starts.to_string()),
        ("sources not read", account.not_read.len().to_string()),
    ]
    .map(|(what, figure)| vec![what.to_owned(), figure])
    .to_vec()
}

fn window(window: &Window) -> Vec<String> {
    vec![
        window.from.to_string(),
        window.node.clone(),
        window.requests.to_string(),
        window.errors.to_string(),
        percent(share(window.errors, window.requests)),
        window.limited.to_string(),
        window.refused.to_string(),
    ]
}

fn node(node: &NodeNow) -> Vec<String> {
    let word = |known: Option<bool>| match known {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not known",
    };
    let upstreams: Vec<String> = node
        .upstreams
        .iter()
        .map(|one| {
            let last = one.last_trouble.as_ref();
            let last = last.map(|last| format!(", last {last}"));
            format!("{} {}{}", one.name, one.breaker, last.unwrap_or_default())
        })
        .collect();
    let upstreams = if upstreams.is_empty() {
        "not known".to_owned()
    } else {
        upstreams.join("; ")
    };
    let release = node.release;
    vec![
        node.node.to_string(),
        release.map_or_else(|| "not known".to_owned(), |number| number.to_string()),
        word(node.draining).to_owned(),
        word(node.taken_out).to_owned(),
        upstreams,
    ]
}

fn excerpts(account: &Account) -> String {
    if account.excerpts.is_empty() {
        return "None is on record.\n".to_owned();
    }
    let lines = account.excerpts.iter();
    let lines = lines.map(|one| format!("    {:.3} {} {}\n", one.at, one.node, flat(&one.line)));
    lines.collect()
}

/// A heading and a table; or a sentence where there is nothing to list.
fn table(title: &str, heads: &[&str], rows: &[Vec<String>], nothing: &str) -> String {
    let mut text = format!("\n## {title}\n\n");
    if rows.is_empty() {
        return text + nothing + "\n";
    }
    let lines = rows.iter().map(|row| {
        let cells = row.iter().map(|cell| flat(cell).replace('|', "\\|"));
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    });
    let head = format!(
        "| {} |\n|{}\n",
        heads.join(" | "),
        "---|".repeat(heads.len())
    );
    text.extend(std::iter::once(head).chain(lines));
    text
}

/// On one line, and no HTML: what others wrote must not pass for the report's own words.
fn flat(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('<', "&lt;")
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(
        || "no request".to_owned(),
        |share| format!("{:.1} %", share * 100.0),
    )
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::account::{Event, Excerpt, Material, Span, Unread};
    use super::*;
    use crate::line::UpstreamStatus;

    fn nothing() -> Material {
        Material {
            line: "home".parse().unwrap(),
            span: Span {
                since: "2026-11-23T06:00:00Z".parse().unwrap(),
                until: "2026-11-23T07:00:00Z".parse().unwrap(),
            },
            made: "2026-11-23T08:00:00Z".parse().unwrap(),
            events: Vec::new(),
            traffic: Vec::new(),
            excerpts: Vec::new(),
            now: Vec::new(),
            not_read: Vec::new(),
            remarks: Vec::new(),
        }
    }

    fn event(time: &str, kind: &'static str, word: &str, what: &str) -> Event {
        Event {
            at: format!("2026-11-23T{time}Z").parse().unwrap(),
            place: "us-east-1/1".to_owned(),
            kind,
            word: word.to_owned(),
            what: what.to_owned(),
        }
    }

    #[test]
    fn a_quiet_hour_says_so() {
        assert_snapshot!(markdown(&nothing().account()), @"
        # Line `home` from 2026-11-23T06:00:00Z to 2026-11-23T07:00:00Z

        Made at 2026-11-23T08:00:00Z; times are UTC.

        ## Summary

        | what | figure |
        |---|---|
        | requests | 0 |
        | errors | 0 (no request) |
        | answers with 429 | 0 |
        | five minutes with most errors | none |
        | changes by the loop | 0 |
        | releases | 0 |
        | starts of a gateway | 0 |
        | sources not read | 0 |

        ## Timeline

        Nothing is on record.

        ## Requests, by node and five minutes

        No request is on record.

        Errors are answers of 500 and more, and those that the upstream cut off.

        ## Nodes when this was made

        No node was reached.

        ## Errors in the logs

        None is on record.

        ## Not read

        Everything was read.
        ");
    }

    #[test]
    fn a_bad_hour_is_told_in_order_with_what_is_missing() {
        let window = |time: &str, node: &str, errors| Window {
            from: format!("2026-11-23T{time}Z").parse().unwrap(),
            node: node.to_owned(),
            requests: 40,
            errors,
            limited: 2,
            refused: 1,
        };
        let material = Material {
            events: vec![
                event("06:20:00", "gateway", "begun", "a gateway process began"),
                event(
                    "06:10:00",
                    "release",
                    "failed",
                    "release 7 by a@b: failed: <b>|x",
                ),
                event("06:15:00", "loop", "done", "us-east-1/1: push done"),
                event("09:00:00", "loop", "done", "later"),
            ],
            traffic: vec![
                window("06:10:00", "us-east-1/1", 10),
                window("06:10:00", "eu-west-1/1", 0),
            ],
            excerpts: vec![Excerpt {
                at: "2026-11-23T06:11:00Z".parse().unwrap(),
                node: "us-east-1/1".to_owned(),
                line: "path=/v1/x status=502".to_owned(),
            }],
            now: vec![NodeNow {
                node: "us-east-1/1".parse().unwrap(),
                release: Some(8),
                draining: Some(false),
                taken_out: None,
                upstreams: vec![UpstreamStatus {
                    name: "deepseek".to_owned(),
                    breaker: "open".to_owned(),
                    last_trouble: Some("timeout".to_owned()),
                }],
            }],
            not_read: vec![Unread {
                what: "us-west-2/1".to_owned(),
                why: "no route".to_owned(),
            }],
            remarks: vec!["the loop's log begins later".to_owned()],
            ..nothing()
        };
        let text = markdown(&material.account());
        let (_, text) = text.split_once("## Summary\n\n").unwrap();
        assert_snapshot!(text, @r"
        | what | figure |
        |---|---|
        | requests | 80 |
        | errors | 10 (12.5 %) |
        | answers with 429 | 4 |
        | five minutes with most errors | 2026-11-23T06:10:00Z on us-east-1/1: 10 of 40 requests |
        | changes by the loop | 1 |
        | releases | 1 |
        | starts of a gateway | 1 |
        | sources not read | 1 |

        ## Timeline

        | time | where | who tells it | what happened |
        |---|---|---|---|
        | 2026-11-23T06:10:00Z | us-east-1/1 | release | release 7 by a@b: failed: &lt;b>\|x |
        | 2026-11-23T06:15:00Z | us-east-1/1 | loop | us-east-1/1: push done |
        | 2026-11-23T06:20:00Z | us-east-1/1 | gateway | a gateway process began |

        ## Requests, by node and five minutes

        | from | node | requests | errors | share | 429 | other 4xx |
        |---|---|---|---|---|---|---|
        | 2026-11-23T06:10:00Z | eu-west-1/1 | 40 | 0 | 0.0 % | 2 | 1 |
        | 2026-11-23T06:10:00Z | us-east-1/1 | 40 | 10 | 25.0 % | 2 | 1 |

        Errors are answers of 500 and more, and those that the upstream cut off.

        ## Nodes when this was made

        | node | release | drains | taken out of DNS | upstreams |
        |---|---|---|---|---|
        | us-east-1/1 | 8 | no | not known | deepseek open, last timeout |

        ## Errors in the logs

            2026-11-23T06:11:00.000Z us-east-1/1 path=/v1/x status=502

        ## Not read

        | what | why |
        |---|---|
        | us-west-2/1 | no route |

        Note: the loop's log begins later.
        ");
    }
}
