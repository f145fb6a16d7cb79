//! What happens to a node while it is worked on: its SSH connections drop or stall, its disk is full.

use std::time::Duration;

use super::story::{Story, profile, say, sleep};

const REGION: &str = "eu-north-1";
const NODE: &str = "eu-north-1/1";

impl Story {
    /// Wants another number in nginx's files, so that there is something to push.
    fn ask_for(&self, requests_per_second: u32) {
        let rest = format!("[nginx]\nrequests_per_second = {requests_per_second}\n");
        let text = profile(self.line, REGION, &rest);
        std::fs::write(self.home().join("dsline.toml"), text).unwrap();
    }

    fn does(&self, what: &str) {
        self.cloud.act(&format!("{}/{NODE}", self.line), what);
    }

    fn release(&self) -> String {
        self.on_nodes(NODE, "readlink /var/lib/dsline/current")[NODE].clone()
    }
}

/// What is waited for comes within this time.
const LINE: Duration = Duration::from_mins(5);

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_node_loses_its_connections_and_its_room() {
    let story = Story::of("t-node", REGION);
    a_connection_drops_while_it_boots(&story);
    connections_drop_while_files_are_pushed(&story);
    a_full_disk_keeps_the_old_release(&story);
}

fn a_connection_drops_while_it_boots(story: &Story) {
    let mut run = story.begin("up --yes");
    assert!(run.says("waiting for first boot", LINE));
    story.does("drop");
    run.ends(LINE)
        .exits(0)
        .says("trying again over a new connection");
    story.run("plan").exits(0);
}

fn connections_drop_while_files_are_pushed(story: &Story) {
    let mut noticed = 0;
    for (turn, delay) in [0, 400, 1800].into_iter().enumerate() {
        story.ask_for(200 + u32::try_from(turn).unwrap());
        let mut run = story.begin("up --yes");
        assert!(run.says("pushing release", LINE));
        sleep(Duration::from_millis(delay));
        story.does("drop");
        let ran = run.ends(LINE).exits(0);
        noticed += u32::from(ran.has("trying again over a new connection"));
        story.run("plan").exits(0);
    }
    say(&format!("   {noticed} of 3 pushes lost their connection"));
    assert!(noticed > 0, "no push was disturbed");
}

/// A small file system takes the place of the releases' folder, since the real disk is the whole machine's; what the running
/// gateway has open stays.
fn a_full_disk_keeps_the_old_release(story: &Story) {
    let before = story.release();
    story.on_nodes(
        NODE,
        "cd / && mkdir /run/kept && mount --bind /var/lib/dsline /run/kept && \
         mount -t tmpfs -o size=64m,mode=755 tmpfs /var/lib/dsline && cp -a /run/kept/. /var/lib/dsline && \
         for used in sockets spool revoked; do mount --bind /run/kept/$used /var/lib/dsline/$used; done && \
         head -c 100m /dev/zero >/var/lib/dsline/ballast; df /var/lib/dsline",
    );
    story.ask_for(300);
    let ran = story.run("up --yes").exits(3);
    say(&ran.to_string());
    ran.says(&format!("FAILED {NODE}: push files: {NODE} ("))
        .says("its disk is full (/var/lib/dsline: 0 MiB left)")
        .says("nothing was switched")
        .says("hint: the node serves what it served before; make room on it");
    assert_eq!(story.release(), before);
    let answers = "curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1/healthz";
    assert_eq!(story.on_nodes(NODE, answers)[NODE], "200");
    story.on_nodes(NODE, "rm /var/lib/dsline/ballast");
    story.run("up --yes").exits(0);
    story.run("plan").exits(0);
    assert_ne!(story.release(), before);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_node_stalls_while_it_is_worked_on() {
    let story = Story::of("t-stall", REGION);
    let mut run = story.begin("up --yes");
    assert!(run.says("waiting for first boot", LINE));
    story.does("pause");
    assert!(run.says("has been silent for 40 s", LINE));
    story.does("resume");
    run.ends(LINE).exits(0);
    story.ask_for(200);
    let mut run = story.begin("up --yes");
    assert!(run.says("pushing release", LINE));
    story.does("cut");
    run.ends(LINE)
        .exits(3)
        .says("the SSH connection has been silent for 40 s, and no new connection can be opened");
    story.does("mend");
    story.run("up --yes").exits(0);
    story.run("plan").exits(0);
}
