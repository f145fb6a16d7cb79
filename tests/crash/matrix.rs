//! The matrix: every command, every position, every mode; chosen, shared out among workers, and counted.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::Mutex;
use std::time::Instant;

use super::chapter::{CHAPTERS, Chapter};
use super::position::{Strike, positions};
use super::round::{Recording, Strikes, Verdict, play, record};
use super::support::variable;
use super::worker::Worker;

/// Most of a round is waiting, so there are more workers than cores; nodes with systemd and Docker have work to do.
const WORKERS: usize = 4;
const WORKERS_WITH_FULL_NODES: usize = 2;

/// A crash of each command at its most expensive moment: AWS has done it, and nobody was told. Each line is a round.
const ONE_OF_EACH: [&str; 3] = [
    "up ec2 us-east-1 RunInstances 1 after, failover route53 us-east-1 UpdateHealthCheck 1 after, \
     restore route53 us-east-1 UpdateHealthCheck 1 after",
    "change ec2 sa-east-1 RunInstances 1 after",
    "teardown ec2 us-east-1 TerminateInstances 1 after",
];

/// Which strikes to try.
pub(crate) enum Choice {
    /// Every one.
    All,
    /// Every one that hits a command on a node of a region; a node is like the other.
    OnNodesIn(&'static str),
    /// Some alone, between commas: the command's name, then the strike.
    Named(String),
}

/// All strikes by command, and what an undisturbed round left.
pub(crate) struct Matrix {
    kind: &'static str,
    first: Worker,
    recording: Recording,
    strikes: Vec<Vec<Strike>>,
}

/// How often what came out.
#[derive(Default)]
struct Count {
    tried: usize,
    converged: usize,
    missed: Vec<String>,
    failed: Vec<String>,
}

impl Matrix {
    /// Records an undisturbed life with nodes of a kind.
    pub(crate) fn record(kind: &'static str) -> Self {
        let mut first = Worker::start(0, kind);
        let begun = Instant::now();
        let recording = Recording::default();
        record(&mut first, &recording);
        let mut strikes = Vec::new();
        for (chapter, calls) in CHAPTERS.iter().zip(recording.calls()) {
            let positions = positions(&calls, chapter.regions);
            let of_position = |position: &super::position::Position| {
                let at = position.clone();
                position.modes().iter().map(move |mode| Strike {
                    position: at.clone(),
                    mode: *mode,
                })
            };
            let all: Vec<Strike> = positions.iter().flat_map(of_position).collect();
            say(&format!(
                "{}: {} calls, {} positions, {} strikes",
                chapter.name,
                calls.len(),
                positions.len(),
                all.len()
            ));
            strikes.push(all);
        }
        say(&format!(
            "an undisturbed life took {:.1} s",
            begun.elapsed().as_secs_f32()
        ));
        Self {
            kind,
            first,
            recording,
            strikes,
        }
    }

    /// Tries the chosen strikes and insists that every one converges.
    pub(crate) fn run(self, choice: &Choice) {
        let Self {
            kind,
            first,
            recording,
            strikes,
        } = self;
        let known: usize = strikes.iter().map(Vec::len).sum();
        let mut chosen = chosen(strikes, choice);
        if let Some(log) = variable("DSLINE_CRASH_DONE") {
            let log = std::fs::read_to_string(log).expect("an earlier run's log can be read");
            leave_out(&mut chosen, &log);
        }
        let queue = Mutex::new(rounds(&chosen));
        let counts: Mutex<BTreeMap<usize, Count>> = Mutex::default();
        let begun = Instant::now();
        let workers = workers(kind).min(queue.lock().unwrap().len()).max(1);
        std::thread::scope(|scope| {
            let (queue, counts, recording) = (&queue, &counts, &recording);
            scope.spawn(move || work(first, queue, counts, recording));
            for number in 1..workers {
                scope.spawn(move || work(Worker::start(number, kind), queue, counts, recording));
            }
        });
        let counts = counts.into_inner().unwrap();
        sum_up(&counts, known, begun.elapsed().as_secs());
    }
}

/// Tries one crash of each command, while another worker plays the undisturbed life that they are compared with.
pub(crate) fn try_one_of_each() {
    let recording = Recording::default();
    let counts: Mutex<BTreeMap<usize, Count>> = Mutex::default();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let (recording, counts) = (&recording, &counts);
        scope.spawn(move || record(&mut Worker::start(0, "slim"), recording));
        for (number, text) in (1..).zip(ONE_OF_EACH) {
            scope.spawn(move || {
                let strikes = rounds(&strikes_named(text)).remove(0);
                let mut worker = Worker::start(number, "slim");
                note_all(counts, &strikes, play(&mut worker, &strikes, recording));
            });
        }
    });
    let counts = counts.into_inner().unwrap();
    sum_up(&counts, CHAPTERS.len(), begun.elapsed().as_secs());
    let missed: Vec<&String> = counts.values().flat_map(|count| &count.missed).collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");
    assert_eq!(counts.len(), CHAPTERS.len(), "a command was not tried");
}

/// Takes one round after the other from the queue.
fn work(
    mut worker: Worker,
    queue: &Mutex<Vec<Strikes>>,
    counts: &Mutex<BTreeMap<usize, Count>>,
    recording: &Recording,
) {
    loop {
        let Some(strikes) = queue.lock().unwrap().pop() else {
            return;
        };
        let verdicts = play(&mut worker, &strikes, recording);
        let failed_at = verdicts
            .iter()
            .find(|(_, verdict)| matches!(verdict, Verdict::Failed(_)))
            .map(|(number, _)| *number);
        if let Some(number) = failed_at {
            // What would have come after it is played in a round of its own.
            let mut rest = strikes.clone();
            rest[..=number].fill(None);
            if rest.iter().any(Option::is_some) {
                queue.lock().unwrap().push(rest);
            }
        }
        note_all(counts, &strikes, verdicts);
    }
}

fn note_all(
    counts: &Mutex<BTreeMap<usize, Count>>,
    strikes: &Strikes,
    verdicts: Vec<(usize, Verdict)>,
) {
    let mut counts = counts.lock().unwrap();
    for (number, verdict) in verdicts {
        let strike = strikes[number]
            .as_ref()
            .expect("only strikes have verdicts");
        note(counts.entry(number).or_default(), number, strike, verdict);
    }
}

fn note(count: &mut Count, number: usize, strike: &Strike, verdict: Verdict) {
    let name = format!("{} {strike}", CHAPTERS[number].name);
    count.tried += 1;
    match verdict {
        Verdict::Converged => {
            say(&format!("converged   {name}"));
            count.converged += 1;
        }
        Verdict::NotReached => {
            say(&format!("not reached {name}"));
            count.converged += 1;
            count.missed.push(name);
        }
        Verdict::Failed(why) => {
            say(&format!(
                "FAILED      {name}\n{why}\n-- this one alone: DSLINE_CRASH='{name}' cargo test --release -p dsline --test crash\n"
            ));
            count.failed.push(name);
        }
    }
}

fn sum_up(counts: &BTreeMap<usize, Count>, known: usize, seconds: u64) {
    let (mut tried, mut converged, mut missed, mut failed) = (0, 0, 0, Vec::new());
    for (number, count) in counts {
        say(&format!(
            "{}: {} of {} strikes converged, {} of them were not reached",
            CHAPTERS[*number].name,
            count.converged,
            count.tried,
            count.missed.len()
        ));
        tried += count.tried;
        converged += count.converged;
        missed += count.missed.len();
        failed.extend(count.failed.iter().cloned());
    }
    say(&format!(
        "{converged} of {tried} strikes converge ({known} known, {missed} not reached), 0 duplicates and 0 orphans among them, in {seconds} s"
    ));
    assert!(
        failed.is_empty(),
        "{} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

/// The chosen ones of each command.
fn chosen(strikes: Vec<Vec<Strike>>, choice: &Choice) -> Vec<Vec<Strike>> {
    match choice {
        Choice::All => strikes,
        Choice::OnNodesIn(region) => {
            let on_nodes = |all: Vec<Strike>| {
                let of_region = all.into_iter().filter(|strike| {
                    strike.position.is_on_node() && strike.position.region == *region
                });
                of_region.collect()
            };
            strikes.into_iter().map(on_nodes).collect()
        }
        Choice::Named(text) => strikes_named(text),
    }
}

/// Those that a text names, of each command.
fn strikes_named(text: &str) -> Vec<Vec<Strike>> {
    let named: Vec<(&str, Strike)> = text.split(',').map(named).collect();
    let of = |chapter: &Chapter| {
        let meant = named.iter().filter(|(name, _)| chapter.name == *name);
        meant.map(|(_, strike)| strike.clone()).collect()
    };
    CHAPTERS.iter().map(of).collect()
}

/// What has converged by an earlier run's log is not tried again.
fn leave_out(strikes: &mut [Vec<Strike>], log: &str) {
    let done: BTreeSet<&str> = log
        .lines()
        .filter_map(|line| line.strip_prefix("converged"))
        .map(str::trim)
        .collect();
    for (chapter, of_chapter) in CHAPTERS.iter().zip(strikes) {
        of_chapter.retain(|strike| !done.contains(format!("{} {strike}", chapter.name).as_str()));
    }
}

/// Reads a command's name and a strike.
fn named(text: &str) -> (&str, Strike) {
    let (name, rest) = text.trim().split_once(' ').unwrap_or((text, ""));
    assert!(
        CHAPTERS.iter().any(|chapter| chapter.name == name),
        "there is no command `{name}` in the matrix"
    );
    (name, rest.parse().unwrap_or_else(|why| panic!("{why}")))
}

/// One strike of each command makes a round, as long as there are any.
fn rounds(strikes: &[Vec<Strike>]) -> Vec<Strikes> {
    let longest = strikes.iter().map(Vec::len).max().unwrap_or_default();
    (0..longest)
        .map(|n| strikes.iter().map(|all| all.get(n).cloned()).collect())
        .rev()
        .collect()
}

fn workers(kind: &str) -> usize {
    let usual = if kind == "full" {
        WORKERS_WITH_FULL_NODES
    } else {
        WORKERS
    };
    variable("DSLINE_CRASH_WORKERS").map_or(usual, |text| text.parse().expect("a number"))
}

/// Tells what is seen, past the capture of passing tests' output.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
