//! `render`: all files of a node, offline, with secrets masked unless they are asked for.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;

use super::offline;
use super::support::{KEY, SECRET};

/// Every file under a folder, by path from there.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if entry.is_dir() {
            found.extend(files_in(&entry));
        } else {
            found.push(entry);
        }
    }
    found.sort();
    found
}

#[test]
fn it_lists_and_writes_every_file_with_secrets_masked() {
    let lab = offline();
    let ran = lab.run("render --out files").exits(0);
    assert_snapshot!(ran.stdout, @"
    gateway/compose.yaml
    gateway/gateway.toml
    gateway/secrets/client_keys
    gateway/secrets/jwt_keys
    gateway/secrets/redis_password
    gateway/secrets/upstream_key.upstream
    image/Dockerfile
    image/dsline-gateway
    logrotate/dsline
    nginx/metrics_reader.conf
    nginx/nginx.conf
    nginx/tls/fullchain.pem
    nginx/tls/key.pem
    redis/redis.conf
    rsyslog/dsline.conf
    system/journald.conf
    system/logrotate.timer.conf
    system/nftables.conf
    system/nftables.service.conf
    system/nginx.service.conf
    system/redis-server.service.conf
    system/sysctl.conf
    user-data.yaml
    ");
    let written = files_in(&lab.home().join("files"));
    assert_eq!(written.len(), ran.stdout.lines().count());
    for path in &written {
        let bytes = fs::read(path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for hidden in [KEY, SECRET, "PRIVATE KEY", "dsl-"] {
            assert!(
                !text.contains(hidden),
                "{} shows `{hidden}`",
                path.display()
            );
        }
    }
    let masked = fs::read_to_string(lab.home().join("files/user-data.yaml")).unwrap();
    assert_eq!(masked, "[secret]\n");
}

#[test]
fn it_needs_neither_account_nor_key_when_it_masks() {
    let lab = offline()
        .without("DEEPSEEK_API_KEY")
        .without("AWS_ACCESS_KEY_ID")
        .without_file(".ssh/id_ed25519.pub");
    lab.run("render --out files").exits(0);
}

#[test]
fn secrets_that_are_asked_for_are_readable_by_their_owner_only() {
    let lab = offline();
    let ran = lab.run("render --out files --with-secrets").exits(0);
    assert!(!ran.has(KEY), "{ran}");
    let holders: Vec<PathBuf> = files_in(&lab.home().join("files"))
        .into_iter()
        .filter(|path| {
            let bytes = fs::read(path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            text.contains(KEY) || text.contains("PRIVATE KEY")
        })
        .collect();
    assert!(
        holders.len() >= 3,
        "the upstream's key, a TLS key and the host key are among {holders:?}"
    );
    for path in holders {
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
}

#[test]
fn the_same_input_gives_the_same_release() {
    let lab = offline();
    let release = |out: &str| {
        lab.run(&format!("render --json --out {out}"))
            .exits(0)
            .json()["release"]
            .clone()
    };
    assert_eq!(release("one"), release("two"));
}

#[test]
fn a_folder_that_is_not_empty_is_left_alone() {
    let lab = offline().with_file("files/mine", b"mine");
    assert_snapshot!(lab.run("render --out files").shown(), @"
    error: [HOME]/files is not empty
    exit code 1
    ");
}

#[test]
fn a_node_outside_the_profile_is_refused() {
    assert_snapshot!(offline().run("render --out files --node eu-west-1/1").shown(), @"
    error: eu-west-1/1 is not a node of this profile
    exit code 1
    ");
    assert_snapshot!(offline().run("render --out files --node us-east-1").shown(), @"
    error: invalid value 'us-east-1' for '--node <REGION/N>': `us-east-1` is no node: write region and number, as in `us-east-1/1`

    For more information, try '--help'.
    exit code 64
    ");
}

#[test]
fn a_machine_of_ones_own_has_neither_user_data_nor_firewall() {
    let profile = "name = \"home\"\nregions = [\"us-east-1\"]\n[ssh]\naddress_service = \"\"\n[[node]]\nname = \"own\"\n\
        address = \"203.0.113.7\"\nregion = \"us-east-1\"\nuser = \"debian\"\n\
        host_key = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJxNsj8CN8ksQSbls1ZGbYPKYJ9ulaRgXaFdNTJzbCDY\"\n";
    let lab = offline().with_profile(profile);
    let ran = lab.run("render --node us-east-1/101 --out files").exits(0);
    assert!(!ran.has("user-data.yaml"));
    let rules = fs::read_to_string(lab.home().join("files/system/nftables.conf")).unwrap();
    assert!(rules.lines().all(|line| line.starts_with('#')), "{rules}");
    lab.run("render --node us-east-1/102 --out more")
        .exits(1)
        .says("us-east-1/102 is not a node of this profile");
}
