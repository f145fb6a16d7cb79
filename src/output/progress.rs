//! Progress of a run: bars on a terminal, plain lines elsewhere.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::mpsc;

use crate::engine::{Ending, Event, EventKind};
use crate::plan::{Plan, StepId};

use super::printer::Printer;

/// Shows events until their channel closes.
pub async fn show_progress(
    printer: Printer,
    plan: Plan,
    mut events: mpsc::UnboundedReceiver<Event>,
) {
    let mut display = Display::new(printer, &plan);
    while let Some(event) = events.recv().await {
        display.show(&event);
    }
    display.clear();
}

struct Display<'a> {
    printer: Printer,
    plan: &'a Plan,
    bars: Option<Bars>,
    begun: HashMap<StepId, Instant>,
}

struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    steps: HashMap<StepId, ProgressBar>,
}

impl<'a> Display<'a> {
    fn new(printer: Printer, plan: &'a Plan) -> Self {
        let bars = printer.is_watched().then(|| {
            let all = MultiProgress::new();
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} steps, {elapsed}")
                .expect("a valid template");
            let total = all.add(ProgressBar::new(plan.steps.len() as u64).with_style(style));
            total.enable_steady_tick(Duration::from_millis(200));
            Bars {
                all,
                total,
                steps: HashMap::new(),
            }
        });
        Self {
            printer,
            plan,
            bars,
            begun: HashMap::new(),
        }
    }

    fn show(&mut self, event: &Event) {
        let step = &self.plan.steps[event.step.0];
        let title = format!("{}: {}", step.at, step.action.title());
        match &event.kind {
            EventKind::Started => {
                self.begun.insert(event.step, Instant::now());
                self.started(event.step, title);
            }
            EventKind::Says(text) => self.says(event.step, &title, text),
            EventKind::Ended(ending) => {
                let took = self
                    .begun
                    .get(&event.step)
                    .map(|begun| format!(" ({:.1} s)", begun.elapsed().as_secs_f32()))
                    .unwrap_or_default();
                let line = match ending {
                    Ending::Done => format!("{} {title}{took}", self.printer.good("done")),
                    Ending::Unchanged => format!("same {title}{took}"),
                    Ending::Failed(why) => format!("{} {title}: {why}", self.printer.bad("FAILED")),
                    Ending::Skipped(why) => format!("skipped {title}: {why}"),
                };
                self.ended(event.step, &line, matches!(ending, Ending::Failed(_)));
            }
        }
    }

    fn started(&mut self, id: StepId, title: String) {
        if let Some(bars) = &mut self.bars {
            let style =
                ProgressStyle::with_template("  {spinner} {msg}").expect("a valid template");
            let bar = bars.all.insert_before(
                &bars.total,
                ProgressBar::new_spinner()
                    .with_style(style)
                    .with_message(title),
            );
            bar.enable_steady_tick(Duration::from_millis(120));
            bars.steps.insert(id, bar);
        } else {
            self.printer.note(format!("  .. {title}"));
        }
    }

    fn says(&mut self, id: StepId, title: &str, text: &str) {
        match &self.bars {
            Some(bars) => {
                if let Some(bar) = bars.steps.get(&id) {
                    bar.set_message(format!("{title}: {text}"));
                }
            }
            None => self.printer.note(format!("  .. {title}: {text}")),
        }
    }

    fn ended(&mut self, id: StepId, line: &str, is_fault: bool) {
        let print = || {
            if is_fault {
                self.printer.fault(line);
            } else {
                self.printer.note(line);
            }
        };
        match &mut self.bars {
            Some(bars) => {
                if let Some(bar) = bars.steps.remove(&id) {
                    bar.finish_and_clear();
                }
                bars.total.inc(1);
                bars.total.suspend(print);
            }
            None => print(),
        }
    }

    fn clear(&mut self) {
        if let Some(bars) = &self.bars {
            bars.total.finish_and_clear();
        }
    }
}
