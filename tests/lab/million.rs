//! A million requests through one node at full speed, while its syslog restarts and its trail is rotated.

use std::time::{Duration, Instant};

use super::story::{Story, name_server, profile, say, sleep};

const LINE: &str = "t-million";
const REGION: &str = "us-east-1";
const NODE: &str = "us-east-1/1";
const WANTED: u64 = 1_000_000;
/// One round of asking, in seconds; there are as many as it takes.
const ROUND: u64 = 60;
const LIMIT: Duration = Duration::from_mins(3);
/// Long enough that the thirty files that are kept hold all of it.
const PAUSE: Duration = Duration::from_secs(40);
/// The node's own rotation, under names that a second one on the same day does not find taken.
const DISTURB: &str = "systemctl restart rsyslog && \
     sed 's/^    dateext$/    dateext\\n    dateformat -%Y%m%d-%s/' /etc/logrotate.d/dsline >/run/often && \
     logrotate --force /run/often";
const COUNT: &str = "cd /var/log/deepseek && zcat -f api_audit.log* | grep ' API_REQUEST ' | grep -c '/v1/chat/completions'";

#[test]
#[ignore = "ten minutes"]
fn of_a_million_requests_no_record_is_lost() {
    let rest = format!(
        "[dns]\nhost = \"llm.{LINE}.test\"\nresolver = \"{}\"\n\n\
         [quota]\nrequests_per_minute = 0\naddress_requests_per_minute = 0\n\n\
         [nginx]\nrequests_per_second = 100000\nburst = 100000\n",
        name_server()
    );
    let story = Story::of(LINE, REGION).with_domain(REGION);
    let story = story.with(|lab| lab.with_profile(&profile(LINE, REGION, &rest)));
    story.run("up --yes").exits(0);
    let address = story.addresses()[NODE].clone();
    let (mut asked, mut failed, mut disturbed, mut round) = (0, 0, 0, 0);
    let mut last = Instant::now();
    while asked < WANTED {
        round += 1;
        let words = format!(
            "bench --json --address {address} --users 64 --ramp 1 --think 0.001 --duration {ROUND} --repeated 98 --seed {}",
            round * 10
        );
        let asking = story.begin(&words);
        let begun = Instant::now();
        // A round's own beginning and end are left in peace only as long as a pause lasts.
        while begun.elapsed().as_secs() < ROUND {
            if last.elapsed() >= PAUSE {
                story.on_nodes(NODE, DISTURB);
                disturbed += 1;
                last = Instant::now();
            }
            sleep(Duration::from_secs(1));
        }
        let ran = asking.ends(LIMIT);
        let side = &ran.json()["sides"][0];
        asked += side["requests"].as_u64().expect("it counts");
        let errors = side["errors"].as_object().expect("it counts");
        failed += errors
            .values()
            .filter_map(serde_json::Value::as_u64)
            .sum::<u64>();
        say(&format!(
            "   {asked} asked, {failed} failed, {disturbed} restarts and rotations"
        ));
    }
    assert!(disturbed > 3, "{disturbed}");
    // The last records are on their way for a moment.
    sleep(Duration::from_secs(10));
    say(&story.run("logs verify").exits(0).says("whole").to_string());
    let records: u64 = story.on_nodes(NODE, COUNT)[NODE].trim().parse().unwrap();
    say(&format!("   {records} records"));
    assert_eq!(failed, 0);
    assert_eq!(records, asked, "each request has its record");
}
