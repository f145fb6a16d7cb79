//! 502: whether the gateway is down, restarting, or was.

use super::finding::Finding;
use super::remedy::Remedy;
use super::sick::Patient;
use crate::line::{GatewayContainer, KeptRelease, shown_lines};

const ABOUT: &str = "502";
/// So often started again, it does not come up by itself.
const AGAIN_AND_AGAIN: u64 = 3;
/// A gateway that has run for so many seconds has come up.
const SETTLED: u64 = 300;

/// Judges whether the node's gateway answers.
pub(super) fn outage(patient: Patient<'_>) -> Finding {
    let Patient {
        symptoms, report, ..
    } = patient;
    let lines = || {
        let mut lines = symptoms.unanswered_log.clone();
        lines.extend(symptoms.gateway_log.iter().cloned());
        shown_lines(&lines)
    };
    if report.release.is_none() {
        let hint = "`dsline up` pushes its first release";
        return Finding::wrong(ABOUT, "the node has no release yet", hint);
    }
    let worst = symptoms.containers.iter().max_by_key(|one| one.restarts);
    let restarts = worst.filter(|one| is_restarting(one, patient));
    if let Some(container) = restarts {
        return restarting(container, patient).shown_by(lines());
    }
    if report.gateway.is_none() {
        let what = match worst {
            None => "the gateway's container is gone, so every request is a 502".to_owned(),
            Some(one) if one.state == "running" => {
                "the gateway's container runs but does not answer, so requests are 502".to_owned()
            }
            Some(one) => format!(
                "the gateway's container is {} (exit code {}), so every request is a 502",
                one.state, one.exit_code
            ),
        };
        let hint = "`dsline doctor --fix` starts it again, as `dsline up` does";
        return Finding::wrong(ABOUT, what, hint)
            .shown_by(lines())
            .mended_by(Remedy::Restart);
    }
    match symptoms.unanswered {
        0 => Finding::good(ABOUT, "the gateway answers"),
        count => Finding::good(
            ABOUT,
            format!("the gateway answers again; {count} requests were refused while it did not"),
        )
        .shown_by(shown_lines(&symptoms.unanswered_log)),
    }
}

/// One that has come up and stayed up was restarted once upon a time.
fn is_restarting(container: &GatewayContainer, patient: Patient<'_>) -> bool {
    let uptime = patient.report.gateway.as_ref();
    let has_settled = uptime.is_some_and(|status| status.uptime_seconds >= SETTLED);
    container.state == "restarting" || (container.restarts >= AGAIN_AND_AGAIN && !has_settled)
}

fn restarting(container: &GatewayContainer, patient: Patient<'_>) -> Finding {
    let report = patient.report;
    let what = format!(
        "the gateway ends as soon as it is started ({} restarts, exit code {}), so requests are 502",
        container.restarts, container.exit_code
    );
    let before = report.number.and_then(|live| live.checked_sub(1));
    let kept = before.and_then(|before| report.newest_up_to(before, KeptRelease::is_healthy));
    match kept {
        Some(kept) => Finding::wrong(
            ABOUT,
            what,
            format!(
                "`dsline doctor --fix` goes back to release {}, the last that was healthy",
                kept.number
            ),
        )
        .mended_by(Remedy::GoBack),
        None => Finding::wrong(
            ABOUT,
            what,
            "`dsline doctor --fix` pushes its release again; there is no older one to go back to",
        )
        .mended_by(Remedy::Restart),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;
    use crate::line::{GatewayStatus, NodeReport, Profile, ReleaseState, Symptoms};

    /// Container's state and restarts, seconds that the gateway is up if it answers, whether there is an older release.
    type Case = (&'static str, u64, Option<u64>, bool);

    fn found((state, restarts, uptime, has_older): Case) -> Finding {
        let container = GatewayContainer {
            state: state.to_owned(),
            restarts,
            exit_code: 1,
            ..GatewayContainer::default()
        };
        let symptoms = Symptoms {
            containers: if state.is_empty() {
                vec![]
            } else {
                vec![container]
            },
            gateway_log: vec!["fault: key sk-live-1 is wrong".to_owned()],
            ..Symptoms::default()
        };
        let mut report = NodeReport {
            release: Some("r".to_owned()),
            number: Some(2),
            gateway: uptime.map(|uptime_seconds| GatewayStatus {
                uptime_seconds,
                ..GatewayStatus::default()
            }),
            ..NodeReport::default()
        };
        let kept = KeptRelease {
            number: 1,
            digest: "d".to_owned(),
            when: String::new(),
            who: String::new(),
            why: String::new(),
            state: ReleaseState::Healthy,
        };
        if has_older {
            report.releases.insert(1, kept);
        }
        outage(Patient {
            symptoms: &symptoms,
            report: &report,
            cpu: None,
            profile: &Profile::default(),
        })
    }

    #[test]
    fn each_outage_has_its_own_remedy() {
        use Verdict::{Good, Wrong};
        let cases: [(Case, Verdict, Option<Remedy>, &str); 8] = [
            (("running", 0, Some(900), true), Good, None, "answers"),
            (("running", 9, Some(900), true), Good, None, "answers"),
            (
                ("exited", 0, None, true),
                Wrong,
                Some(Remedy::Restart),
                "exited (exit code 1)",
            ),
            (
                ("running", 0, None, true),
                Wrong,
                Some(Remedy::Restart),
                "does not answer",
            ),
            (("", 0, None, true), Wrong, Some(Remedy::Restart), "is gone"),
            (
                ("restarting", 1, None, true),
                Wrong,
                Some(Remedy::GoBack),
                "1 restarts",
            ),
            (
                ("running", 5, Some(2), true),
                Wrong,
                Some(Remedy::GoBack),
                "5 restarts",
            ),
            (
                ("restarting", 7, None, false),
                Wrong,
                Some(Remedy::Restart),
                "7 restarts",
            ),
        ];
        for (case, verdict, remedy, text) in cases {
            let finding = found(case);
            assert_eq!(
                (finding.verdict, finding.remedy),
                (verdict, remedy),
                "{case:?}"
            );
            assert!(finding.what.contains(text), "{case:?}: {}", finding.what);
        }
    }

    #[test]
    fn the_last_lines_are_shown_without_secrets() {
        let finding = found(("exited", 0, None, true));
        assert_eq!(finding.lines, ["fault: key [hidden] is wrong"]);
    }

    #[test]
    fn a_node_without_a_release_is_not_restarted() {
        let report = NodeReport::default();
        let finding = outage(Patient {
            symptoms: &Symptoms::default(),
            report: &report,
            cpu: None,
            profile: &Profile::default(),
        });
        assert_eq!((finding.verdict, finding.remedy), (Verdict::Wrong, None));
    }
}
