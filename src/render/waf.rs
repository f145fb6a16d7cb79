//! The rules against attacks, as nginx reads them.

use askama::Template;

use super::file::filled;
use crate::line::{Waf, WafMode};

/// What is taken of the Core Rule Set 3.3: nothing about bodies, answers, PHP applications by name, or floods.
const RULE_FILES: [&str; 13] = [
    "REQUEST-901-INITIALIZATION",
    "REQUEST-913-SCANNER-DETECTION",
    "REQUEST-920-PROTOCOL-ENFORCEMENT",
    "REQUEST-921-PROTOCOL-ATTACK",
    "REQUEST-930-APPLICATION-ATTACK-LFI",
    "REQUEST-931-APPLICATION-ATTACK-RFI",
    "REQUEST-932-APPLICATION-ATTACK-RCE",
    "REQUEST-933-APPLICATION-ATTACK-PHP",
    "REQUEST-934-APPLICATION-ATTACK-NODEJS",
    "REQUEST-941-APPLICATION-ATTACK-XSS",
    "REQUEST-942-APPLICATION-ATTACK-SQLI",
    "REQUEST-943-APPLICATION-ATTACK-SESSION-FIXATION",
    "REQUEST-944-APPLICATION-ATTACK-JAVA",
];

#[derive(Template)]
#[template(path = "node/waf.conf.j2", escape = "none")]
struct Rules {
    engine: &'static str,
    paranoia: u32,
    rule_files: &'static [&'static str],
}

/// The place in nginx's file where a request is looked at; none when nobody looks.
pub(super) fn waf(wanted: &Waf) -> Option<String> {
    let engine = match wanted.mode {
        WafMode::On => "On",
        WafMode::Detect => "DetectionOnly",
        WafMode::Off => return None,
    };
    let rules = Rules {
        engine,
        paranoia: wanted.paranoia,
        rule_files: &RULE_FILES,
    };
    Some(filled(&rules).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_hold_no_quote_that_would_end_them() {
        for mode in [WafMode::On, WafMode::Detect] {
            let text = waf(&Waf { mode, paranoia: 2 }).unwrap();
            assert_eq!(text.matches('\'').count(), 2, "{text}");
            assert!(text.contains("tx.paranoia_level=2"));
        }
    }

    #[test]
    fn nobody_looks_when_it_is_off() {
        let wanted = Waf {
            mode: WafMode::Off,
            ..Waf::default()
        };
        assert_eq!(waf(&wanted), None);
    }
}
