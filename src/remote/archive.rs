//! Parts of a release as a tar archive, with the owners and modes that they have on the node.

use tar::{Builder, Header};

use super::guard::{GUARD, REVERT_UNIT};
use crate::render::{CONTAINER_ID, Content, File, Owner, PartName, Release};

/// An archive of some parts, each in a folder named by its digest, and of what goes back by itself.
pub(super) fn archive(release: &Release, parts: &[PartName]) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for (path, text) in [("guard", GUARD), ("revert.service", REVERT_UNIT)] {
        let file = File::new(path, 0o755, Owner::Root, Content::new(text.as_bytes()));
        archive
            .append_data(&mut header(&file), path, text.as_bytes())
            .expect("writing to memory does not fail");
    }
    for name in parts {
        for file in &release.part(*name).files {
            let path = format!("{}/{}", release.part_digest(*name), file.path);
            archive
                .append_data(&mut header(file), path, &*file.content)
                .expect("writing to memory does not fail");
        }
    }
    archive
        .into_inner()
        .expect("writing to memory does not fail")
}

/// Owners by name where the node's numbers are not known; tar on the node looks names up first.
fn header(file: &File) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(file.content.len() as u64);
    header.set_mode(file.mode);
    let number = if file.owner == Owner::Container {
        u64::from(CONTAINER_ID)
    } else {
        0
    };
    header.set_uid(number);
    header.set_gid(number);
    if let Owner::RootAnd(group) = file.owner {
        header.set_username("root").expect("a short name fits");
        header.set_groupname(group).expect("a group's name fits");
    }
    header
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::render::{Content, Part};

    #[test]
    fn the_archive_holds_the_wanted_parts_with_owners_and_modes() {
        let file =
            |path: &str, mode, owner| File::new(path, mode, owner, Content::new(path.as_bytes()));
        let parts = vec![
            Part::new(
                PartName::Gateway,
                vec![
                    file("secrets/key", 0o400, Owner::Container),
                    file("compose.yaml", 0o644, Owner::Root),
                ],
            ),
            Part::new(
                PartName::Redis,
                vec![file("redis.conf", 0o640, Owner::RootAnd("redis"))],
            ),
            Part::new(
                PartName::Nginx,
                vec![file("nginx.conf", 0o644, Owner::Root)],
            ),
        ];
        let release = Release::new(parts, &[1; 32]);
        let bytes = archive(&release, &[PartName::Gateway, PartName::Redis]);
        let mut found = Vec::new();
        // The first two are what goes back by itself.
        for entry in tar::Archive::new(bytes.as_slice())
            .entries()
            .unwrap()
            .skip(2)
        {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let header = entry.header();
            let path = entry.path().unwrap().display().to_string();
            assert!(path.ends_with(&text));
            found.push(format!(
                "{} {:o} {} {}",
                &path[33..],
                header.mode().unwrap(),
                header.uid().unwrap(),
                header.groupname().unwrap().unwrap()
            ));
        }
        assert_eq!(
            found,
            [
                "compose.yaml 644 0 ",
                "secrets/key 400 65532 ",
                "redis.conf 640 0 redis"
            ]
        );
    }
}
