//! A story: one line of its own in the lab, told from nothing and removed without a trace at the end.

use std::io::Write as _;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cloud::Cloud;
use super::http::exchange;
use super::support::{Lab, SECRET, variable};

/// Faults and settings are the whole lab's, so one story is told at a time.
static STAGE: Mutex<()> = Mutex::new(());

/// The upstream's emulator as every story finds it.
const KNOBS: &str =
    r#"{"latency_ms": 0, "per_token_ms": 0, "tokens": 16, "error_rate": 0, "error_status": 503}"#;

/// A story that goes on; it is an operator's desk too.
pub(crate) struct Story {
    /// The line's name.
    pub(crate) line: &'static str,
    /// The lab.
    pub(crate) cloud: Cloud,
    lab: Lab,
    zones: Vec<String>,
    settings: Vec<Value>,
    _stage: MutexGuard<'static, ()>,
}

impl Story {
    /// Begins one about a line without a domain.
    pub(crate) fn of(line: &'static str, regions: &str) -> Self {
        let stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
        let cloud = Cloud::connect();
        cloud.mend();
        let mut lab = Lab::at(&cloud.url())
            .with_secret(line, SECRET)
            .with("NO_PROXY", "*")
            .without("DSLINE_GATEWAY");
        for name in ["DSLINE_GATEWAY", "DEEPSEEK_API_KEY"] {
            if let Some(value) = variable(name) {
                lab = lab.with(name, &value);
            }
        }
        let lab = lab
            .with_profile(&profile(line, regions, ""))
            .with_key_pair();
        say(&format!("== {line}"));
        let story = Self {
            line,
            cloud,
            lab,
            zones: Vec::new(),
            settings: Vec::new(),
            _stage: stage,
        };
        let (status, told) = exchange(&upstream(), "POST /_lab/knobs", &[], KNOBS);
        assert!(status < 300, "the upstream's emulator: {status} {told}");
        // A story that was ended from outside has left its own.
        if !story.cloud.instances(line).is_empty() {
            story.run("teardown --yes --force");
        }
        story
    }

    /// Gives the line a host name in a hosted zone of its own: `llm.<line>.test`.
    pub(crate) fn with_domain(mut self, regions: &str) -> Self {
        let zone = zone_of(self.line);
        // A story that was ended from outside has left its own.
        self.cloud.delete_zones(&zone);
        self.add_zone();
        let dns = format!(
            "[dns]\nhost = \"llm.{zone}\"\nresolver = \"{}\"\n",
            name_server()
        );
        self.lab = self
            .lab
            .clone()
            .with_profile(&profile(self.line, regions, &dns));
        self
    }

    /// Makes a hosted zone `<line>.test` that lives as long as the story, and returns its id.
    pub(crate) fn add_zone(&mut self) -> String {
        let reference = format!("{}-{}-{:?}", self.line, self.zones.len(), Instant::now());
        let id = self.cloud.create_zone(&zone_of(self.line), &reference);
        self.zones.push(id.clone());
        id
    }

    /// The zone that `with_domain` made.
    pub(crate) fn zone(&self) -> &str {
        &self.zones[0]
    }

    /// Lets the lab have other settings until the end of the story.
    pub(crate) fn with_settings(mut self, settings: &Value) -> Self {
        self.settings.push(self.cloud.set(settings));
        self
    }

    /// With other variables, files or secrets.
    pub(crate) fn with(mut self, change: impl FnOnce(Lab) -> Lab) -> Self {
        self.lab = change(self.lab.clone());
        self
    }

    /// Runs a program that is not ours and returns what it printed; it must succeed.
    pub(crate) fn call(&self, program: &str, words: &[&str]) -> String {
        let output = Command::new(program)
            .args(words)
            .current_dir(self.home())
            .output();
        let output = output.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {words:?}: {told}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Deref for Story {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

impl Story {
    /// Removes everything, in good weather and with the lab's own settings.
    fn remove(&self) {
        self.cloud.mend();
        for before in self.settings.iter().rev() {
            self.cloud.set(before);
        }
        // Half of all stories have made nothing, and a look at every region takes a while.
        if self.cloud.account().to_string().contains(self.line) {
            let removed = self.lab.run("teardown --yes --force");
            if removed.code != 0 {
                return say(&format!("{} is not gone:\n{removed}", self.line));
            }
        }
        if !self.zones.is_empty() {
            self.cloud.delete_zones(&zone_of(self.line));
        }
    }
}

impl Drop for Story {
    /// Leaves the lab as it was, whatever happened.
    fn drop(&mut self) {
        // A second panic while a story fails would end the program, and with it every other story.
        if catch_unwind(AssertUnwindSafe(|| self.remove())).is_err() {
            say(&format!("{} is not gone", self.line));
        }
    }
}

/// The name of a line's hosted zone.
fn zone_of(line: &str) -> String {
    format!("{line}.test")
}

/// A profile for the lab: nodes see this machine as 198.18.0.1, and the upstream's emulator listens there.
pub(crate) fn profile(line: &str, regions: &str, rest: &str) -> String {
    let regions: Vec<String> = regions
        .split(',')
        .map(|region| format!("\"{region}\""))
        .collect();
    format!(
        "name = \"{line}\"\nregions = [{}]\n\n[ssh]\nidentity = \"~/.ssh/id_ed25519\"\nallow = [\"198.18.0.1/32\"]\n\
         address_service = \"\"\n\n[upstream]\nbase_url = \"http://{}\"\n\n{rest}",
        regions.join(", "),
        upstream()
    )
}

/// The name of a line that the account has never seen: its client tokens are remembered longer than its instances.
pub(crate) fn fresh(name: &str) -> &'static str {
    let now = std::time::UNIX_EPOCH.elapsed().expect("it is later");
    Box::leak(format!("{name}-{}", now.as_secs()).into_boxed_str())
}

/// Where the upstream's emulator listens, for nodes and for this machine.
pub(crate) fn upstream() -> String {
    variable("DSLINE_LAB_UPSTREAM").unwrap_or_else(|| "198.18.0.1:9090".to_owned())
}

/// Where the lab answers DNS.
pub(crate) fn name_server() -> String {
    variable("DSLINE_LAB_DNS").unwrap_or_else(|| "127.0.0.1:5354".to_owned())
}

/// Tells what is seen, past the capture of passing tests' output.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Asks again and again until something is so; tells how long that took.
pub(crate) fn wait_until(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(
            begun.elapsed() < limit,
            "waited {} s in vain until {what}",
            limit.as_secs()
        );
        pause();
    }
    say(&format!(
        "   {what}: after {:.1} s",
        begun.elapsed().as_secs_f32()
    ));
}

/// Half a second.
pub(crate) fn pause() {
    sleep(Duration::from_millis(500));
}

/// Some time.
#[expect(
    clippy::disallowed_methods,
    reason = "these tests have no runtime, and the lab's clock is the real one"
)]
pub(crate) fn sleep(time: Duration) {
    std::thread::sleep(time);
}
