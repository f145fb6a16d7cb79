//! What a push has to send and whom it concerns, as a function of the release and what the node says of itself.

use std::time::Duration;

use super::command::Command;
use super::push::PushOrder;
use super::report::{Look, links_argument};
use crate::line::NodeReport;
use crate::render::{PartName, Release};

/// How long a delivery may take: megabytes over a slow line, an image built on a small machine, another push ahead of it.
const PATIENCE: Duration = Duration::from_mins(10);

/// What a node runs to take a delivery.
const SCRIPT: &str = concat!(include_str!("release.sh"), include_str!("push.sh"));

/// The difference between a node and a release.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    /// Parts that do not lie on the node as they should.
    pub(super) sent: Vec<PartName>,
    /// Parts whose programs must take notice.
    pub(super) touched: Vec<PartName>,
}

impl Delivery {
    /// Compares; nothing to do when the release is live, as it was pushed, and at work.
    pub(super) fn new(release: &Release, look: &Look) -> Self {
        let touched = PartName::ALL.into_iter().filter(|name| {
            !is_live(release, &look.report, *name)
                || drifted(&look.report, *name).next().is_some()
                || is_idle(&look.report, *name)
        });
        let sent = PartName::ALL.into_iter().filter(|name| {
            // A path with a slash in front is a link into the part, not a file of it.
            let is_spoilt = is_live(release, &look.report, *name)
                && drifted(&look.report, *name).any(|path| !path.starts_with('/'));
            !look.stored.contains(release.part_digest(*name)) || is_spoilt
        });
        Self {
            sent: sent.collect(),
            touched: touched.collect(),
        }
    }

    /// Whether the node has the release already.
    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty() && self.touched.is_empty()
    }

    /// The command that delivers; its input is the archive of what is sent.
    pub(super) fn command(&self, release: &Release, order: PushOrder<'_>) -> Command {
        let parts: Vec<String> = PartName::ALL
            .iter()
            .map(|name| format!("{name}={}", release.part_digest(*name)))
            .collect();
        let sent: Vec<&str> = self
            .sent
            .iter()
            .map(|name| release.part_digest(*name))
            .collect();
        let touched: Vec<&str> = self.touched.iter().map(|name| name.as_str()).collect();
        let arguments = [
            release.digest(),
            &parts.join(" "),
            &sent.join(" "),
            &touched.join(" "),
            &links_argument(),
            &order.number.to_string(),
            &order.note.who,
            &order.note.why,
            &order.window.as_secs().to_string(),
        ];
        Command::script(SCRIPT, &arguments).within(PATIENCE)
    }
}

fn is_live(release: &Release, report: &NodeReport, name: PartName) -> bool {
    report
        .parts
        .get(name.as_str())
        .is_some_and(|part| part.digest == release.part_digest(name))
}

fn drifted(report: &NodeReport, name: PartName) -> impl Iterator<Item = &String> {
    report
        .parts
        .get(name.as_str())
        .into_iter()
        .flat_map(|part| &part.drifted)
}

/// Whether the program behind a part does not run.
fn is_idle(report: &NodeReport, name: PartName) -> bool {
    let is_down = |unit: &str| {
        report
            .units
            .get(unit)
            .is_some_and(|state| state != "active")
    };
    match name {
        PartName::Gateway => report.gateway.is_none() || is_down("docker"),
        PartName::Nginx => is_down("nginx"),
        PartName::Redis => is_down("redis-server"),
        PartName::Rsyslog => is_down("rsyslog"),
        PartName::Logrotate => is_down("logrotate.timer"),
        PartName::Image | PartName::System => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{GatewayStatus, Note};
    use crate::render::{Content, File, Owner, Part};

    fn release(nginx: &str) -> Release {
        let text = |name| {
            if name == PartName::Nginx {
                nginx
            } else {
                "same"
            }
        };
        let file = |name| File::new("a", 0o644, Owner::Root, Content::new(text(name).as_bytes()));
        Release::new(
            PartName::ALL
                .map(|name| Part::new(name, vec![file(name)]))
                .to_vec(),
            &[1; 32],
        )
    }

    fn sound(release: &Release) -> Look {
        let mut look = Look::default();
        look.report.gateway = Some(GatewayStatus::default());
        for name in PartName::ALL {
            let digest = release.part_digest(name).to_owned();
            look.report
                .parts
                .entry(name.to_string())
                .or_default()
                .digest
                .clone_from(&digest);
            look.stored.insert(digest);
        }
        look
    }

    #[test]
    fn a_sound_node_needs_nothing() {
        assert!(Delivery::new(&release("1"), &sound(&release("1"))).is_empty());
    }

    #[test]
    fn a_fresh_node_needs_everything() {
        let delivery = Delivery::new(&release("1"), &Look::default());
        assert_eq!((delivery.sent.len(), delivery.touched.len()), (7, 7));
    }

    #[test]
    fn only_what_changed_is_sent_and_a_known_part_is_not_sent_again() {
        let mut look = sound(&release("1"));
        let delivery = Delivery::new(&release("2"), &look);
        assert_eq!(
            (delivery.sent, delivery.touched),
            (vec![PartName::Nginx], vec![PartName::Nginx])
        );
        look.stored
            .insert(release("2").part_digest(PartName::Nginx).to_owned());
        let delivery = Delivery::new(&release("2"), &look);
        assert_eq!(
            (delivery.sent, delivery.touched),
            (vec![], vec![PartName::Nginx])
        );
    }

    #[test]
    fn drift_is_repaired_and_what_is_down_is_started() {
        let mut look = sound(&release("1"));
        look.report
            .parts
            .get_mut("redis")
            .unwrap()
            .drifted
            .push("a".to_owned());
        look.report
            .parts
            .get_mut("rsyslog")
            .unwrap()
            .drifted
            .push("/etc/rsyslog.d/30-dsline.conf".to_owned());
        look.report
            .units
            .insert("nginx".to_owned(), "failed".to_owned());
        look.report.gateway = None;
        let delivery = Delivery::new(&release("1"), &look);
        assert_eq!(delivery.sent, [PartName::Redis]);
        assert_eq!(
            delivery.touched,
            [
                PartName::Gateway,
                PartName::Nginx,
                PartName::Redis,
                PartName::Rsyslog
            ]
        );
    }

    #[test]
    fn the_command_names_digests_and_parts() {
        let release = release("1");
        let delivery = Delivery {
            sent: vec![PartName::Nginx],
            touched: vec![PartName::Nginx, PartName::Redis],
        };
        let note = Note::new("ann@laptop", "more room");
        let order = PushOrder {
            number: 7,
            note: &note,
            window: Duration::from_mins(1),
        };
        let line = delivery.command(&release, order).line().to_owned();
        let digest = |name| release.part_digest(name);
        let start = format!(
            "sudo -n sh -c 'eval \"$(head -c {})\"' dsline {} 'gateway={} image=",
            SCRIPT.len(),
            release.digest(),
            digest(PartName::Gateway)
        );
        assert!(line.starts_with(&start), "{line}");
        assert!(
            line.contains(&format!(
                " system={}' {} 'nginx redis' '/etc/logrotate.d/dsline=",
                digest(PartName::System),
                digest(PartName::Nginx)
            )),
            "{line}"
        );
        assert!(line.ends_with(" 7 ann@laptop 'more room' 60"), "{line}");
    }
}
