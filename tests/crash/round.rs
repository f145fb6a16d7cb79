//! One round: a line's whole life, in which each command may be struck once and must come right when it is run again.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use super::account::differences;
use super::chapter::{CHAPTERS, Chapter};
use super::position::{Mode, Strike};
use super::worker::Worker;

/// An undisturbed life that does not come to its next command within this time has failed.
const PATIENCE: Duration = Duration::from_mins(10);

/// What an undisturbed round left after a command, and which calls that took.
struct Recorded {
    shape: Vec<String>,
    calls: Vec<serde_json::Value>,
}

/// An undisturbed life, command by command, which may still go on while others are compared with it.
#[derive(Default)]
pub(crate) struct Recording {
    commands: Mutex<Vec<Recorded>>,
    grown: Condvar,
}

impl Recording {
    fn add(&self, recorded: Recorded) {
        self.commands.lock().unwrap().push(recorded);
        self.grown.notify_all();
    }

    /// What was there after a command.
    fn shape_after(&self, number: usize) -> Vec<String> {
        let commands = self.commands.lock().unwrap();
        let is_missing = |commands: &mut Vec<Recorded>| commands.len() <= number;
        let waited = self
            .grown
            .wait_timeout_while(commands, PATIENCE, is_missing);
        let (commands, _) = waited.unwrap();
        let recorded = commands.get(number);
        recorded
            .expect("the undisturbed life comes so far")
            .shape
            .clone()
    }

    /// The calls that each command made.
    pub(crate) fn calls(&self) -> Vec<Vec<serde_json::Value>> {
        let commands = self.commands.lock().unwrap();
        commands.iter().map(|one| one.calls.clone()).collect()
    }
}

/// The strikes of a round: one for each command, or none.
pub(crate) type Strikes = Vec<Option<Strike>>;

/// How a struck command came out.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The same line, or nothing left.
    Converged,
    /// The same, but the run did not come to its position this time.
    NotReached,
    /// Something else, and what.
    Failed(String),
}

/// Plays the life without a strike and notes everything.
pub(crate) fn record(worker: &mut Worker, recording: &Recording) {
    worker.begin();
    for chapter in CHAPTERS {
        happen(worker, chapter);
        worker.landlord.forget_calls();
        worker.run(chapter.words).exits(0);
        let calls = worker.landlord.calls();
        look(worker, chapter, None).unwrap_or_else(|why| panic!("undisturbed: {why}"));
        recording.add(Recorded {
            shape: worker.landlord.account().shape(),
            calls,
        });
    }
}

/// Plays the life with strikes, until one fails; returns the verdict of each that was tried, by the command's number.
pub(crate) fn play(
    worker: &mut Worker,
    strikes: &Strikes,
    recording: &Recording,
) -> Vec<(usize, Verdict)> {
    worker.begin();
    let mut verdicts = Vec::new();
    let last = strikes.iter().rposition(Option::is_some).unwrap_or(0);
    for (number, chapter) in CHAPTERS.iter().enumerate().take(last + 1) {
        happen(worker, chapter);
        let Some(strike) = &strikes[number] else {
            let ran = worker.run(chapter.words);
            if ran.code != 0 {
                let next = (number..=last).find(|next| strikes[*next].is_some());
                let why = format!("what comes before it failed, undisturbed:\n{ran}");
                verdicts.push((next.unwrap_or(last), Verdict::Failed(why)));
                break;
            }
            continue;
        };
        let shape = || recording.shape_after(number);
        let verdict = match strike_at(worker, chapter, strike, &shape) {
            Ok(true) => Verdict::Converged,
            Ok(false) => Verdict::NotReached,
            Err(why) => Verdict::Failed(why),
        };
        let has_failed = matches!(verdict, Verdict::Failed(_));
        verdicts.push((number, verdict));
        if has_failed {
            break;
        }
    }
    verdicts
}

fn happen(worker: &Worker, chapter: &Chapter) {
    if let Some((node, act)) = chapter.event {
        worker.landlord.act(node, act);
    }
}

/// Strikes a command, runs it again, and compares; says whether the strike hit.
fn strike_at(
    worker: &Worker,
    chapter: &Chapter,
    strike: &Strike,
    undisturbed: &dyn Fn() -> Vec<String>,
) -> Result<bool, String> {
    let struck = worker.run_into(chapter.words, strike);
    let shown = format!("$ dsline {}\n{}", chapter.words, struck.output);
    let told = |why: &str| format!("{why}\n-- the struck run:\n{shown}");
    if struck.hung {
        return Err(told("it hung"));
    }
    if struck.output.contains("panicked") {
        return Err(told("it panicked"));
    }
    // One lost answer of AWS is the SDK's to repeat, and the repetition's to understand; a cut SSH session may end a step.
    let must_succeed = strike.mode == Mode::Lost && !strike.position.is_on_node();
    if must_succeed && struck.code != Some(0) {
        return Err(told(&format!(
            "one lost answer ended it with {:?}",
            struck.code
        )));
    }
    let doubles = worker.landlord.account().doubles();
    if !doubles.is_empty() {
        return Err(told(&format!("launched twice: {}", doubles.join("; "))));
    }
    let again = worker.run(chapter.words);
    if again.code != 0 {
        return Err(told(&format!("run again, it did not succeed:\n{again}")));
    }
    look(worker, chapter, Some(undisturbed))
        .map_err(|why| told(&format!("{why}\n-- run again:\n{again}")))?;
    Ok(struck.was_reached)
}

/// Looks at what is there after a command that has succeeded.
fn look(
    worker: &Worker,
    chapter: &Chapter,
    undisturbed: Option<&dyn Fn() -> Vec<String>>,
) -> Result<(), String> {
    match chapter.plan {
        Some(words) => {
            let plan = worker.run(words);
            if plan.code != 0 {
                return Err(format!("there is something left to do:\n{plan}"));
            }
        }
        None => refuse("left behind", &worker.landlord.account().leftovers())?,
    }
    let account = worker.landlord.account();
    refuse("launched twice", &account.doubles())?;
    undisturbed.map_or(Ok(()), |shape| {
        refuse(
            "not as after an undisturbed run",
            &differences(&shape(), &account.shape()),
        )
    })
}

fn refuse(what: &str, found: &[String]) -> Result<(), String> {
    if found.is_empty() {
        Ok(())
    } else {
        Err(format!("{what}:\n  {}", found.join("\n  ")))
    }
}
