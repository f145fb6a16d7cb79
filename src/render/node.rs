//! The release of one node: every part rendered, every digest taken.

use super::gateway::{gateway, image};
use super::input::NodeInput;
use super::logs::{logrotate, rsyslog};
use super::nginx::nginx;
use super::redis::redis;
use super::release::Release;
use super::system::system;

/// Renders every file of a node.
pub fn node(input: &NodeInput) -> Release {
    let key = input.secret.digest_key();
    let image = image(input.gateway);
    let gateway = gateway(input, &image.digest(&key));
    let parts = vec![
        gateway,
        image,
        logrotate(input),
        nginx(input),
        redis(input),
        rsyslog(input),
        system(input),
    ];
    Release::new(parts, &key)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::Ipv4Addr;

    use std::fmt::Write as _;

    use super::*;
    use crate::line::Generation;
    use crate::line::{LineSecret, Profile, Secret, Slot, verification_key};
    use crate::render::GatewayBinary;
    use crate::render::{File, PartName, user_data};

    const SHIPPED: [(&str, &str); 3] = [
        ("default", include_str!("../../profiles/default.toml")),
        ("one-region", include_str!("../../profiles/one-region.toml")),
        (
            "two-regions",
            include_str!("../../profiles/two-regions.toml"),
        ),
    ];

    /// What a release follows from, owned, so that a test can change one thing.
    struct Given {
        profile: Profile,
        upstream_keys: Vec<Secret>,
        gateway: GatewayBinary,
        now: &'static str,
    }

    impl Given {
        fn of(profile: Profile) -> Self {
            let gateway = GatewayBinary::new(*b"\x7fELF\xff no program");
            Self {
                profile,
                upstream_keys: vec![Secret::new("sk-upstream")],
                gateway,
                now: "2026-11-22T00:00:00Z",
            }
        }

        fn release(&self) -> Release {
            node(&NodeInput {
                profile: &self.profile,
                slot: &Slot {
                    region: self.profile.regions[0].clone(),
                    number: 1,
                },
                address: Some(Ipv4Addr::new(198, 51, 100, 7)),
                secret: &LineSecret::from_bytes([1; 32]),
                upstream_keys: &self.upstream_keys,
                gateway: &self.gateway,
                certificate: None,
                forward_ca: Some("CA\n"),
                now: self.now.parse().unwrap(),
            })
        }
    }

    fn given() -> Given {
        Given::of(Profile::default())
    }

    /// All files of a node on one page, without what differs by its key only.
    fn page(profile: &Profile) -> String {
        let mut page = String::new();
        for (path, File { mode, owner, .. }, shown) in Given::of(profile.clone())
            .release()
            .listing()
            .map(|(p, f)| (p, f, f.shown()))
        {
            let shown = if shown.starts_with("-----BEGIN CERTIFICATE") {
                "[certificate]\n".into()
            } else {
                shown
            };
            writeln!(page, "==> {path} ({mode:04o} {owner}) <==\n{shown}").unwrap();
        }
        page
    }

    #[test]
    fn the_files_of_every_shipped_profile_are_as_reviewed() {
        for (name, text) in SHIPPED {
            insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
                insta::assert_snapshot!(format!("node-{name}"), page(&Profile::parse(text).unwrap()));
            });
        }
    }

    #[test]
    fn the_user_data_of_every_shipped_profile_is_as_reviewed() {
        for (name, text) in SHIPPED {
            let profile = Profile::parse(text).unwrap();
            let slot = Slot {
                region: profile.regions[0].clone(),
                number: 1,
            };
            let keys = ["ssh-ed25519 AAAA operator@example".to_owned()];
            let text = user_data(
                &profile,
                &slot,
                Generation::FIRST,
                &LineSecret::from_bytes([1; 32]),
                &keys,
            );
            let (head, rest) = text
                .split_once("-----BEGIN OPENSSH PRIVATE KEY-----\n")
                .unwrap();
            let (_, tail) = rest
                .split_once("-----END OPENSSH PRIVATE KEY-----\n")
                .unwrap();
            insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
                insta::assert_snapshot!(format!("user-data-{name}"), format!("{head}[secret]\n{tail}"));
            });
        }
    }

    #[test]
    fn no_secret_is_shown_and_every_file_with_one_is_marked() {
        let secret = LineSecret::from_bytes([1; 32]);
        let secrets = [
            secret.redis_password(1),
            verification_key(&secret, 1),
            Secret::new("sk-upstream"),
            secret.first_api_key(1),
            secret.metrics_token(),
            secret.to_hex(),
        ];
        for (path, file) in given().release().listing() {
            let text = String::from_utf8_lossy(&file.content);
            for secret in &secrets {
                assert!(
                    !file.shown().contains(secret.expose()),
                    "{path} shows a secret"
                );
                assert!(
                    file.is_secret || !text.contains(secret.expose()),
                    "{path} holds a secret and is not marked"
                );
            }
            assert!(
                !file.is_secret || file.mode & 0o004 == 0,
                "{path} is a secret that everyone may read"
            );
        }
    }

    #[test]
    fn a_change_reaches_only_the_parts_that_it_concerns() {
        let before = given().release();
        let changed = |after: Given| -> Vec<PartName> {
            let after = after.release();
            let differs = |name: &PartName| before.part_digest(*name) != after.part_digest(*name);
            PartName::ALL.into_iter().filter(differs).collect()
        };
        assert_eq!(changed(given()), []);
        let gateway = GatewayBinary::new(*b"another program");
        assert_eq!(
            changed(Given { gateway, ..given() }),
            [PartName::Gateway, PartName::Image]
        );
        assert_eq!(
            changed(Given {
                now: "2026-12-22T00:00:00Z",
                ..given()
            }),
            [PartName::Nginx]
        );
        assert_eq!(
            changed(Given {
                upstream_keys: vec![Secret::new("sk-other")],
                ..given()
            }),
            [PartName::Gateway]
        );
        let mut longer = given();
        longer.profile.logs.keep_days = 60;
        assert_eq!(changed(longer), [PartName::Logrotate]);
        let mut sending = given();
        sending.profile.logs.forward = "hub.example.com:2514".to_owned();
        assert_eq!(changed(sending), [PartName::Rsyslog]);
    }

    #[test]
    fn a_trail_that_is_sent_goes_by_tls_from_a_queue_that_holds_nothing_up() {
        let mut sending = given();
        sending.profile.logs.forward = "hub.example.com:2514".to_owned();
        let release = sending.release();
        let files: BTreeMap<String, &File> = release.listing().collect();
        let rules = files["rsyslog/dsline.conf"].shown();
        for part in [
            "target=\"hub.example.com\" port=\"2514\"",
            "tls=\"on\" tls.authMode=\"name\" tls.permittedPeer=[\"hub.example.com\"]",
            "tls.caCert=\"/var/lib/dsline/current/rsyslog/tls/ca.pem\"",
            "queue.timeoutEnqueue=\"0\"",
            "rules=\\\"%$.rules%\\\"] %$.target%\")",
        ] {
            assert!(rules.contains(part), "{part} is not in\n{rules}");
        }
        assert_eq!(rules.matches("call dsline-forward").count(), 3);
        let key = files["rsyslog/tls/key.pem"];
        assert!(key.is_secret && key.mode == 0o640);
        assert_eq!(files["rsyslog/tls/ca.pem"].shown(), "CA\n");
        let silent = given().release();
        assert!(
            !silent
                .listing()
                .any(|(path, _)| path.starts_with("rsyslog/tls"))
        );
    }

    #[test]
    fn a_strange_base_url_stays_one_string_in_the_gateway_file() {
        let mut strange = given();
        strange.profile.upstream.base_url = "https://x\"\nadmin = \"0.0.0.0:1".to_owned();
        let release = strange.release();
        let file = release
            .listing()
            .find(|(path, _)| path == "gateway/gateway.toml")
            .unwrap()
            .1
            .shown()
            .into_owned();
        let table: toml::Table = file.parse().unwrap();
        assert_eq!(
            table["upstream"][0]["base_url"].as_str(),
            Some(strange.profile.upstream.base_url.as_str())
        );
    }
}
