//! `dsline bench`

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use tokio::sync::watch;

use crate::bench::{Figures, Mix, Rhythm, Schedule, Score, picture};
use crate::client::{Caller, Load, Target, load};
use crate::line::{Authority, CertificateIssuer, Hint as _, Secret};
use crate::operator::{Environment, line_secret, write_whole};
use crate::output::{self, LoadView, Printer, Side};

pub use super::bench_args::Args;
use super::bench_args::{CacheSides, Numbers};
use super::global::Global;
use super::outcome::Outcome;

/// How often the live view is drawn anew.
const LOOK: Duration = Duration::from_millis(500);

/// One side before it was asked.
struct Candidate {
    name: &'static str,
    target: Target,
}

/// A side and the figures that its picture is drawn from.
struct Asked {
    side: Side,
    figures: Figures,
}

/// Asks one side after the other with the same questions, and prints one table.
pub async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let numbers = args.numbers()?;
    let candidates = candidates(args, &numbers, global, environment).await?;
    let (stopper, stop) = watch::channel(false);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            // Nobody listens any more when the last side has ended.
            let _ = stopper.send(true);
        }
    });
    // New prompts have to be new to a cache that remembers the last run.
    let mut seed = args
        .seed
        .unwrap_or_else(|| u64::try_from(Timestamp::now().as_second()).unwrap_or_default());
    let mut asked = Vec::new();
    for candidate in candidates {
        if *stop.borrow() {
            break;
        }
        asked.push(ask(candidate, &numbers.load(args, seed), &stop, printer).await?);
        seed = seed.wrapping_add(1);
    }
    show(args, &numbers, &asked, environment, printer)?;
    let is_whole = asked
        .iter()
        .all(|one| !one.side.is_cut_short && one.figures.answered > 0);
    Ok(if is_whole {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}

async fn candidates(
    args: &Args,
    numbers: &Numbers,
    global: &Global,
    environment: &Environment,
) -> Result<Vec<Candidate>> {
    let mut found = Vec::new();
    let sides: &[bool] = match numbers.cache {
        CacheSides::On => &[true],
        CacheSides::Off => &[false],
        CacheSides::Both => &[true, false],
    };
    for is_cached in sides {
        let target = line(args, global, environment).await?;
        found.push(if *is_cached {
            Candidate {
                name: "line",
                target,
            }
        } else {
            Candidate {
                name: "line, cache off",
                target: target.uncached(),
            }
        });
    }
    if let Some(url) = &args.beside {
        let file = args.beside_token_file.as_ref().expect("clap insists on it");
        let keys = tokens(&environment.resolve(file))?;
        let target = Target::find(url, None, &Caller::public(), keys).await;
        found.push(Candidate {
            name: "beside",
            target: target.context("--beside")?,
        });
    }
    Ok(found)
}

/// The line, or the base URL that is asked instead of it.
async fn line(args: &Args, global: &Global, environment: &Environment) -> Result<Target> {
    let given = args.token_file.as_ref();
    let given = given.map(|file| tokens(&environment.resolve(file)));
    if let Some(url) = &args.url {
        let caller = match &args.ca {
            Some(file) => Caller::trusting(&text_of(&environment.resolve(file))?)?,
            None => Caller::public(),
        };
        let keys = given
            .ok_or_else(|| anyhow!("--url needs --token-file"))
            .hint("put the keys into a file, one a line")??;
        let target = Target::find(url, args.address, &caller, keys).await;
        return target.context("--url");
    }
    let profile = global.profile(environment)?.profile;
    let secret = line_secret(environment, &profile)?;
    let caller = match profile.certificate.issuer {
        CertificateIssuer::Own => {
            Caller::trusting(&Authority::new(&profile.name, &secret).certificate_pem())?
        }
        _ => Caller::public(),
    };
    let host = match (profile.has_domain(), args.address) {
        (true, _) => profile.dns.host.as_str().to_owned(),
        (false, Some(address)) => address.to_string(),
        (false, None) => {
            return Err(anyhow!("line `{}` has no domain", profile.name))
                .hint("name a node: --address, with an address that `dsline status` shows");
        }
    };
    let keys = given.unwrap_or_else(|| Ok(vec![secret.first_api_key(profile.auth.key_epoch())]))?;
    let target = Target::find(&format!("https://{host}/v1"), args.address, &caller, keys).await;
    target.hint("`dsline dns check` tells whether the world is led to the zone; --address asks a node that `dsline status` shows")
}

fn tokens(file: &Path) -> Result<Vec<Secret>> {
    let text = text_of(file)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let found: Vec<Secret> = lines.map(Secret::new).collect();
    ensure!(!found.is_empty(), "{} holds no key", file.display());
    Ok(found)
}

fn text_of(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

async fn ask(
    candidate: Candidate,
    task: &Load,
    stop: &watch::Receiver<bool>,
    printer: &Printer,
) -> Result<Asked> {
    let Candidate { name, target } = candidate;
    let address = target.address().to_string();
    let figures = Arc::new(Mutex::new(Figures::default()));
    let view = LoadView::begin(printer, name, task.schedule.length);
    let (start, processor) = (Instant::now(), processor_time());
    let running = load(
        Arc::new(target),
        Arc::new(task.clone()),
        Arc::clone(&figures),
        stop.clone(),
    );
    tokio::pin!(running);
    let took = loop {
        tokio::select! {
            took = &mut running => break took?,
            () = tokio::time::sleep(LOOK) => view.show(&held(&figures), start.elapsed()),
        }
    };
    view.end();
    let figures = held(&figures).clone();
    let used = processor_time().saturating_sub(processor);
    let side = Side {
        name: name.to_owned(),
        address,
        is_cut_short: *stop.borrow(),
        score: Score::of(&figures, took, used),
    };
    Ok(Asked { side, figures })
}

fn held(figures: &Mutex<Figures>) -> std::sync::MutexGuard<'_, Figures> {
    figures.lock().expect("nobody panics while holding it")
}

/// What this process has used of the processor so far.
fn processor_time() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(used.tv_sec).unwrap_or_default(),
        u32::try_from(used.tv_nsec).unwrap_or_default(),
    )
}

fn show(
    args: &Args,
    numbers: &Numbers,
    asked: &[Asked],
    environment: &Environment,
    printer: &Printer,
) -> Result<()> {
    let title = numbers.title(args);
    let sides: Vec<Side> = asked.iter().map(|one| one.side.clone()).collect();
    output::bench(printer, &title, &sides);
    if args.scenario.is_some() {
        output::beside_recipe(printer, &sides);
    }
    if let Some(file) = &args.plot {
        let drawn: Vec<(&str, &Figures)> = asked
            .iter()
            .map(|one| (one.side.name.as_str(), &one.figures))
            .collect();
        let path: PathBuf = environment.resolve(file);
        write_whole(&path, picture(&title, &drawn).as_bytes(), 0o644)?;
        printer.note(format!("wrote {}", path.display()));
    }
    printer.document(&json!({ "test": title, "sides": sides }))
}

impl Numbers {
    fn load(&self, args: &Args, seed: u64) -> Load {
        Load {
            schedule: Schedule {
                rhythm: match args.rate {
                    Some(rate) => Rhythm::Open { rate },
                    None => Rhythm::Closed { think: self.think },
                },
                users: self.users,
                ramp: self.ramp,
                length: self.length,
            },
            mix: Mix::new(self.repeated, args.prompts, args.zipf, seed),
            model: args.model.clone(),
            is_streamed: args.stream,
            patience: Duration::from_secs(args.timeout),
        }
    }

    fn title(&self, args: &Args) -> String {
        let rhythm = match args.rate {
            Some(rate) => format!("open loop, {rate} requests/s"),
            None => format!("closed loop, {} s of thought", self.think.as_secs_f64()),
        };
        format!(
            "{} users, {rhythm}, {} s with a ramp of {} s, {:.0} % old prompts ({} of them, Zipf {}), {}",
            self.users,
            self.length.as_secs(),
            self.ramp.as_secs(),
            self.repeated * 100.0,
            args.prompts,
            args.zipf,
            if args.stream {
                "streamed"
            } else {
                "not streamed"
            },
        )
    }
}
