//! The audit trail on a node: how it gets into its file, and how that is rotated.

use askama::Template;

use super::file::File;
use super::input::NodeInput;
use super::release::{Part, PartName};

#[derive(Template)]
#[template(path = "node/rsyslog.conf.j2", escape = "none")]
struct Rules;

#[derive(Template)]
#[template(path = "node/logrotate.conf.j2", escape = "none")]
struct Rotation {
    keep_days: u32,
}

/// rsyslog's rules.
pub(super) fn rsyslog() -> Part {
    Part::new(
        PartName::Rsyslog,
        vec![File::of_template("dsline.conf", &Rules)],
    )
}

/// logrotate's rules.
pub(super) fn logrotate(input: &NodeInput) -> Part {
    let rotation = Rotation {
        keep_days: input.profile.logs.keep_days,
    };
    Part::new(
        PartName::Logrotate,
        vec![File::of_template("dsline", &rotation)],
    )
}
