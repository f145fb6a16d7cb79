//! A worker: a lab of its own, and an operator whose `dsline` is struck there.

use std::fs::File;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use super::landlord::Landlord;
use super::position::{Mode, Strike};
use super::support::{Lab, Ran, SECRET, variable};

const LINE: &str = "crash";
const ZONE: &str = "crash.test";
/// After so many seconds the lock of a killed run is free; short, since hundreds are waited for.
const LOCK: u32 = 6;
/// A run that takes longer hangs; nodes with systemd on a busy machine are the longest.
const PATIENCE: Duration = Duration::from_mins(4);

/// One of those who work through the matrix.
pub(crate) struct Worker {
    pub(crate) landlord: Landlord,
    desk: Lab,
}

/// A run that was struck, or was to be.
#[derive(Debug)]
pub(crate) struct Struck {
    /// Whether the run came to its position.
    pub(crate) was_reached: bool,
    /// The exit code of a run that was not killed.
    pub(crate) code: Option<i32>,
    /// What it printed.
    pub(crate) output: String,
    /// Whether it had to be ended because it hung.
    pub(crate) hung: bool,
}

impl Worker {
    /// Starts a worker's lab and gives it an operator.
    pub(crate) fn start(number: usize, kind: &str) -> Self {
        let landlord = Landlord::start(number, kind);
        // A copy: a build while the matrix runs must not change what is tested.
        let program = landlord.state().join("dsline");
        std::fs::copy(env!("CARGO_BIN_EXE_dsline"), &program).unwrap();
        let mut desk = Lab::at(&landlord.url())
            .with_program(program)
            .with_secret(LINE, SECRET)
            .with("NO_PROXY", "*");
        if let Some(gateway) = variable("DSLINE_GATEWAY") {
            desk = desk.with("DSLINE_GATEWAY", &gateway);
        }
        let profile = format!(
            "name = \"{LINE}\"\nregions = [\"us-east-1\", \"eu-west-1\"]\n\n[ssh]\nidentity = \"~/.ssh/id_ed25519\"\n\
             allow = [\"198.18.0.1/32\"]\naddress_service = \"\"\n\n[upstream]\nbase_url = \"http://198.18.0.1:9099\"\n\n\
             [dns]\nhost = \"llm.{ZONE}\"\nresolver = \"{}\"\nttl = 1\n\n[lock]\nttl_seconds = {LOCK}\n",
            landlord.name_server()
        );
        Self {
            landlord,
            desk: desk.with_profile(&profile).with_key_pair(),
        }
    }

    /// Empties the account.
    pub(crate) fn begin(&mut self) {
        self.landlord.reset(ZONE);
    }

    /// Runs `dsline` undisturbed.
    pub(crate) fn run(&self, words: &str) -> Ran {
        self.desk.run(words)
    }

    /// Runs `dsline` into a strike.
    pub(crate) fn run_into(&self, words: &str, strike: &Strike) -> Struck {
        self.landlord.arm(&strike.rule());
        let path = self.desk.home().join("output");
        let output = File::create(&path).unwrap();
        let words: Vec<&str> = words.split_whitespace().collect();
        let mut child = self
            .desk
            .command(&words)
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .expect("dsline can be run");
        let ended = self.watch(&mut child, strike.mode);
        let was_reached = self.is_reached(strike.mode);
        self.landlord.disarm();
        Struck {
            was_reached,
            code: ended.and_then(|status| status.code()),
            output: std::fs::read_to_string(&path).unwrap(),
            hung: ended.is_none(),
        }
    }

    /// Kills the run when it has come to its position; `None` if it never came, and never ended.
    fn watch(&self, child: &mut Child, mode: Mode) -> Option<ExitStatus> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return Some(status);
            }
            let is_late = Instant::now() > end;
            if is_late || (mode.kills() && self.is_reached(mode)) {
                child.kill().unwrap();
                let status = child.wait().unwrap();
                return (!is_late).then_some(status);
            }
            pause();
        }
    }

    fn is_reached(&self, mode: Mode) -> bool {
        let fault = self.landlord.fault();
        match mode {
            // Executed or not, the call is kept and nothing more will come of it.
            Mode::Before | Mode::After => fault["reached"] == true,
            Mode::During | Mode::Lost => fault["hits"] == 1,
        }
    }
}

/// Some milliseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "these tests have no runtime, and the lab's clock is the real one"
)]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(25));
}
