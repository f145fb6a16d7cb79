//! A line that is disturbed: files changed by hand, a network cut, a stranger's host key, regions that come and go.

use std::time::Duration;

use super::life::is_nowhere;
use super::story::{Story, say, wait_until};

const REGIONS: &str = "us-east-1,eu-west-1";
const NODE: &str = "eu-west-1/1";
const CHECKERS: Duration = Duration::from_mins(1);
/// The file that is changed, as people and as the node name it.
const FILE: &str = "/var/lib/dsline/current/nginx/nginx.conf";

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_line_is_disturbed() {
    let story = Story::of("t-disturbed", REGIONS).with_domain(REGIONS);
    say(&story.run("up --yes").exits(0).to_string());
    wait_until("status finds everything healthy", CHECKERS, || {
        story.run("status").code == 0
    });
    a_file_changed_by_hand_is_found_and_mended(&story);
    a_stopped_service_is_found_and_started(&story);
    a_node_that_cannot_be_reached_is_named(&story);
    a_key_that_no_node_takes_is_refused(&story);
    a_region_comes(&story);
    a_region_goes(&story);
    a_strangers_host_key_is_refused(&story);
}

pub(crate) fn a_file_changed_by_hand_is_found_and_mended(story: &Story) {
    story.on_nodes(NODE, &format!("echo '# by hand' >> {FILE}"));
    let ran = story.run("status").exits(3);
    say(&ran.to_string());
    ran.says("nginx.conf was changed");
    let ran = story.run("plan").exits(2);
    say(&ran.to_string());
    ran.says("push files")
        .says("nginx.conf was changed")
        .says("1 step");
    say(&story.run("up --yes").exits(0).to_string());
    let content = &story.on_nodes(NODE, &format!("cat {FILE}"))[NODE];
    assert!(
        content.contains("server") && !content.contains("by hand"),
        "{content}"
    );
    story.run("plan").exits(0);
}

fn a_stopped_service_is_found_and_started(story: &Story) {
    story.on_nodes(NODE, "systemctl stop redis-server");
    story
        .run("status")
        .exits(3)
        .says("redis-server is inactive");
    let ran = story.run("up --yes").exits(0);
    say(&ran.to_string());
    ran.says("redis-server is inactive");
    let state = &story.on_nodes(NODE, "systemctl is-active redis-server nginx")[NODE];
    assert_eq!(state, "active\nactive\n");
    story.run("plan").exits(0);
}

fn a_node_that_cannot_be_reached_is_named(story: &Story) {
    let node = format!("{}/{NODE}", story.line);
    story.cloud.act(&node, "cut");
    let ran = story.run(&format!("exec --on {NODE} -- true"));
    say(&ran.exits(3).says(NODE).to_string());
    let ran = story.run("status").exits(3);
    say(&ran.to_string());
    ran.says(&format!("{NODE} ({})", story.addresses()[NODE]));
    story.cloud.act(&node, "mend");
    wait_until("the node is healthy again", CHECKERS, || {
        story.run("status").code == 0
    });
}

fn a_key_that_no_node_takes_is_refused(story: &Story) {
    let other = story.home().join("other");
    story.call(
        "ssh-keygen",
        &[
            "-q",
            "-t",
            "ed25519",
            "-N",
            "",
            "-f",
            &other.display().to_string(),
        ],
    );
    let text = std::fs::read_to_string(story.home().join("dsline.toml")).unwrap();
    let profile = text.replace("~/.ssh/id_ed25519", "~/other");
    std::fs::write(story.home().join("other.toml"), profile).unwrap();
    let ran = story
        .run(&format!("exec --profile other.toml --on {NODE} -- true"))
        .exits(3);
    say(&ran.to_string());
    ran.says("in with none of your keys").says("not run");
}

fn a_region_comes(story: &Story) {
    let three = format!("{REGIONS},ap-southeast-1");
    let before = but_the_gateway(story);
    let ran = story.run(&format!("up --yes --regions {three}")).exits(0);
    say(&ran.to_string());
    ran.says("ap-southeast-1/1");
    let new = story.addresses()["ap-southeast-1/1"].clone();
    wait_until("DNS sends Asia to the new region", CHECKERS, || {
        story.ask("asia") == [new.as_str()]
    });
    let (node, _) = story.chat(&new);
    assert_eq!(node, "ap-southeast-1/1");
    assert_eq!(
        before,
        but_the_gateway(story),
        "a new region touches no other, but for each gateway's share of the upstream's permits"
    );
}

/// The state of all that runs beside the gateway's container.
fn but_the_gateway(story: &Story) -> Vec<String> {
    let nodes = story.state_of_nodes(REGIONS);
    let lines = nodes.values().flat_map(|state| state.lines());
    let beside = lines.filter(|line| line.starts_with("/etc") || line.contains('='));
    beside.map(str::to_owned).collect()
}

fn a_region_goes(story: &Story) {
    let gone = story.addresses()["ap-southeast-1/1"].clone();
    let ran = story.run("up --yes").exits(5);
    say(&ran.to_string());
    ran.says("would remove 9 of the line's 23 record sets, more than 30 %");
    let ran = story.run("up --yes --force").exits(0);
    say(&ran.to_string());
    ran.says("the profile does not have its slot")
        .says("delete security group");
    is_nowhere(story, &gone);
    assert_eq!(story.addresses().len(), 2);
    story.run("up --yes").exits(0).says("nothing to do");
}

/// The last chapter: nothing but a new machine gets this node back.
fn a_strangers_host_key_is_refused(story: &Story) {
    let key = "/etc/ssh/ssh_host_ed25519_key";
    story.on_nodes(
        NODE,
        &format!(
            "rm {key} {key}.pub; ssh-keygen -q -t ed25519 -N '' -f {key} && systemctl reload ssh"
        ),
    );
    let ran = story.run(&format!("exec --on {NODE} -- touch /tmp/fooled"));
    say(&ran.exits(3).says("host key").to_string());
    let ran = story.run("up --yes").exits(3);
    say(&ran.to_string());
    ran.says("host key").says("nothing that can be done now");
    say(&story.run("status").exits(3).says("host key").to_string());
    say(&story.run(&format!("ssh {NODE} -- true")).to_string());
}
