//! What systemd, the journal and the kernel of a node read, and the fixed places that lead into the live release.

use askama::Template;

use super::file::{CONTAINER_ID, File};
use super::release::{Part, PartName};

#[derive(Template)]
#[template(path = "node/nginx.service.conf.j2", escape = "none")]
struct NginxUnit {
    config: &'static str,
}

#[derive(Template)]
#[template(path = "node/redis-server.service.conf.j2", escape = "none")]
struct RedisUnit {
    config: &'static str,
    container_id: u32,
}

#[derive(Template)]
#[template(path = "node/sysctl.conf.j2", escape = "none")]
struct Kernel;

#[derive(Template)]
#[template(path = "node/journald.conf.j2", escape = "none")]
struct Journal;

/// Additions to the distribution's units and settings.
pub(super) fn system() -> Part {
    let nginx = NginxUnit {
        config: "/var/lib/dsline/current/nginx/nginx.conf",
    };
    let redis = RedisUnit {
        config: "/var/lib/dsline/current/redis/redis.conf",
        container_id: CONTAINER_ID,
    };
    let files = vec![
        File::of_template("journald.conf", &Journal),
        File::of_template("nginx.service.conf", &nginx),
        File::of_template("redis-server.service.conf", &redis),
        File::of_template("sysctl.conf", &Kernel),
    ];
    Part::new(PartName::System, files)
}

/// Places where the node's programs look, each with the file under `current` that a link there must lead to.
///
/// nginx and Redis are not among them: their units name the file under `current`, so that the distribution's own
/// files stay as packaged and an unattended upgrade never stops to ask about them.
pub fn links() -> &'static [(&'static str, &'static str)] {
    &[
        ("/etc/logrotate.d/dsline", "logrotate/dsline"),
        ("/etc/rsyslog.d/30-dsline.conf", "rsyslog/dsline.conf"),
        ("/etc/sysctl.d/60-dsline.conf", "system/sysctl.conf"),
        (
            "/etc/systemd/journald.conf.d/60-dsline.conf",
            "system/journald.conf",
        ),
        (
            "/etc/systemd/system/nginx.service.d/60-dsline.conf",
            "system/nginx.service.conf",
        ),
        (
            "/etc/systemd/system/redis-server.service.d/60-dsline.conf",
            "system/redis-server.service.conf",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_to_the_system_part_leads_to_a_file_of_it() {
        let part = system();
        let targets: Vec<&str> = links()
            .iter()
            .filter_map(|(_, target)| target.strip_prefix("system/"))
            .collect();
        assert_eq!(targets.len(), part.files.len());
        assert!(
            targets
                .iter()
                .all(|target| part.files.iter().any(|file| file.path == *target))
        );
    }
}
