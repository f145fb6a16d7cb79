//! The gateway on a node: its binary as an image to build, its configuration, secrets and Compose file.

use askama::Template;
use sha2::{Digest, Sha256};

use super::file::{CONTAINER_ID, Content, File, Owner, hex};
use super::input::{GatewayBinary, NodeInput};
use super::release::{Part, PartName};
use super::settings::{key_files, settings};
use crate::line::verification_key;

#[derive(Template)]
#[template(path = "node/Dockerfile.j2", escape = "none")]
struct Dockerfile;

#[derive(Template)]
#[template(path = "node/compose.yaml.j2", escape = "none")]
struct Compose<'a> {
    container_id: u32,
    image_digest: &'a str,
    memory_mib: u32,
}

/// The folder that the node builds the image from.
pub(super) fn image(binary: &GatewayBinary) -> Part {
    let files = vec![
        File::of_template("Dockerfile", &Dockerfile),
        File::new(
            "dsline-gateway",
            0o755,
            Owner::Root,
            binary.content().clone(),
        ),
    ];
    Part::new(PartName::Image, files)
}

/// The folder that Compose runs in; `image_digest` names the image's part.
pub(super) fn gateway(input: &NodeInput, image_digest: &str) -> Part {
    let memory_mib = input.profile.gateway.memory_mib;
    let compose = Compose {
        container_id: CONTAINER_ID,
        image_digest,
        memory_mib,
    };
    let tokens = input.profile.auth.token_epochs();
    let jwt_keys = tokens.map(|epoch| verification_key(input.secret, epoch).expose().to_owned());
    let jwt_keys = jwt_keys.collect::<Vec<_>>().join("\n");
    let redis_password = input
        .secret
        .redis_password(input.profile.redis.password_epoch);
    let mut files = vec![
        File::of_template("compose.yaml", &compose),
        settings(input),
        secret_file("secrets/client_keys", &client_keys(input)),
        secret_file("secrets/jwt_keys", &jwt_keys),
        secret_file("secrets/redis_password", redis_password.expose()),
    ];
    let keys = key_files(input.profile).zip(input.upstream_keys);
    files.extend(keys.map(|(path, key)| secret_file(&path, key.expose().trim())));
    Part::new(PartName::Gateway, files)
}

/// One line for each key that is let in; the gateway knows keys by their hashes only.
fn client_keys(input: &NodeInput) -> String {
    let line = |epoch: &u32| {
        let hash = Sha256::digest(input.secret.first_api_key(*epoch).expose());
        format!("sha256:{}", hex(&hash))
    };
    let epochs = &input.profile.auth.key_epochs;
    epochs.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn secret_file(path: &str, text: &str) -> File {
    let content = Content::new(format!("{text}\n").into_bytes());
    File::new(path, 0o400, Owner::Container, content).hidden_as("[secret]\n")
}
