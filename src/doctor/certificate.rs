//! Connections that break: whether the node's certificate has ended, or is about to.

use jiff::Timestamp;

use super::finding::Finding;
use super::remedy::Remedy;
use super::sick::Patient;
use crate::line::{CertificateIssuer, Chain};

const ABOUT: &str = "certificate";

/// Judges how long the node's certificate lasts.
pub(super) fn certificate(patient: Patient<'_>, now: Timestamp) -> Finding {
    let Some(pem) = &patient.report.chain else {
        return Finding::unknown(ABOUT, "the node has none yet");
    };
    let chain = match Chain::read(pem) {
        Ok(chain) => chain,
        Err(bad) => {
            let hint = "`dsline up` pushes the node's files again";
            return Finding::wrong(ABOUT, format!("it cannot be used: {bad}"), hint)
                .mended_by(Remedy::Restart);
        }
    };
    judged(&chain, patient.profile.certificate.issuer, now)
}

fn judged(chain: &Chain, issuer: CertificateIssuer, now: Timestamp) -> Finding {
    let days = chain.days_left(now);
    let what = if now > chain.until {
        format!("it ended on {}, so clients refuse to connect", chain.until)
    } else if now < chain.since {
        format!(
            "it begins on {} only, so clients refuse to connect",
            chain.since
        )
    } else if chain.is_due_at(now) {
        format!(
            "it ends in {days} days, on {}; then clients refuse to connect",
            chain.until
        )
    } else {
        return Finding::good(ABOUT, format!("it lasts {days} more days"));
    };
    let line = format!(
        "signed by {}, from {} until {}",
        chain.issuer, chain.since, chain.until
    );
    match issuer {
        CertificateIssuer::Files => Finding::wrong(
            ABOUT,
            what,
            "put a new one where `certificate.chain` and `certificate.key` say, then `dsline up`",
        ),
        CertificateIssuer::Own | CertificateIssuer::Acme => {
            let hint = "`dsline doctor --fix` gets a new one and pushes it";
            Finding::wrong(ABOUT, what, hint).mended_by(Remedy::Renew)
        }
    }
    .shown_by(vec![line])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn found(from: &str, until: &str, issuer: CertificateIssuer) -> Finding {
        let chain = Chain {
            pem: String::new(),
            names: Vec::new(),
            issuer: "Someone".to_owned(),
            since: from.parse().unwrap(),
            until: until.parse().unwrap(),
            is_authority: false,
            key: Vec::new(),
        };
        judged(&chain, issuer, "2026-06-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn an_end_is_told_before_it_comes_and_renewed_where_that_can_be() {
        use CertificateIssuer::{Acme, Files, Own};
        let begun = "2026-03-15T00:00:00Z";
        let cases = [
            (
                begun,
                "2026-12-01T00:00:00Z",
                Acme,
                None,
                "lasts 183 more days",
            ),
            (
                begun,
                "2026-06-20T00:00:00Z",
                Acme,
                Some(Remedy::Renew),
                "ends in 19 days",
            ),
            (
                begun,
                "2026-06-20T00:00:00Z",
                Own,
                Some(Remedy::Renew),
                "ends in 19 days",
            ),
            (
                begun,
                "2026-05-20T00:00:00Z",
                Acme,
                Some(Remedy::Renew),
                "it ended on",
            ),
            (begun, "2026-05-20T00:00:00Z", Files, None, "it ended on"),
            (
                "2026-07-01T00:00:00Z",
                "2027-07-01T00:00:00Z",
                Acme,
                Some(Remedy::Renew),
                "begins on",
            ),
        ];
        for (from, until, issuer, remedy, text) in cases {
            let finding = found(from, until, issuer);
            assert_eq!(finding.remedy, remedy, "{text}");
            assert!(finding.what.contains(text), "{}", finding.what);
            assert_eq!(finding.verdict == Verdict::Good, text.contains("lasts"));
        }
    }
}
