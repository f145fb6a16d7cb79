//! A replay as a picture: load, nodes and utilisation of each policy, one under the other.

use askama::Template;

use super::course::{Course, Second};
use super::machine::Machine;

/// Width of a chart; a bucket of seconds is one unit wide.
const WIDTH: f64 = 900.0;
const BUCKETS: usize = 450;
const NODES_HEIGHT: f64 = 130.0;
const SHARE_HEIGHT: f64 = 90.0;
const PANEL_HEIGHT: f64 = 300.0;
const TOP: f64 = 82.0;

/// One policy's replay, as a picture shows it.
pub struct Drawn<'a> {
    /// The policy's name.
    pub policy: &'a str,
    /// Its figures, in one line.
    pub told: String,
    /// What happened.
    pub course: &'a Course,
}

#[derive(Template)]
#[template(path = "replay.svg.j2", escape = "html")]
struct Svg<'a> {
    title: &'a str,
    subtitle: String,
    height: f64,
    legend: f64,
    band_top: f64,
    band_height: f64,
    share_marks: Vec<Mark>,
    time_marks: Vec<Mark>,
    panels: Vec<Panel<'a>>,
}

/// A line with a number: along the time axis `y` is its place from the left.
struct Mark {
    y: f64,
    label: String,
}

struct Panel<'a> {
    policy: &'a str,
    told: &'a str,
    top: f64,
    node_marks: Vec<Mark>,
    demand: String,
    paid: String,
    ready: String,
    overload: String,
    utilisation: String,
}

/// Draws replays of one trace as an SVG document.
pub fn picture(title: &str, machine: &Machine, drawn: &[Drawn<'_>]) -> String {
    let seconds = drawn
        .iter()
        .map(|one| one.course.seconds.len())
        .max()
        .unwrap_or(0);
    let count = f64::from(u32::try_from(drawn.len()).expect("a handful of policies"));
    let mut top = TOP;
    let panels = drawn.iter().map(|one| {
        let panel = panel(one, machine, top);
        top += PANEL_HEIGHT;
        panel
    });
    let svg = Svg {
        title,
        subtitle: format!(
            "a node works on {} requests at a time and needs {} s to start",
            machine.permits, machine.boot_seconds
        ),
        panels: panels.collect(),
        height: TOP + count * PANEL_HEIGHT,
        legend: TOP + count * PANEL_HEIGHT - 14.0,
        band_top: height_of_share(0.80),
        band_height: height_of_share(0.65) - height_of_share(0.80),
        share_marks: [0.0, 0.5, 1.0]
            .map(|share| Mark {
                y: height_of_share(share),
                label: format!("{:.0} %", share * 100.0),
            })
            .into(),
        time_marks: time_marks(seconds),
    };
    svg.render().expect("every value can be written")
}

fn panel<'a>(one: &'a Drawn<'_>, machine: &Machine, top: f64) -> Panel<'a> {
    let seconds = &one.course.seconds;
    let size = seconds.len().div_ceil(BUCKETS).max(1);
    let columns: Vec<&[Second]> = seconds.chunks(size).collect();
    let work =
        |second: &Second| f64::from(second.in_flight + second.waiting) / f64::from(machine.permits);
    let mean = |column: &[Second], value: &dyn Fn(&Second) -> f64| {
        let count = f64::from(u32::try_from(column.len()).expect("a bucket is short"));
        column.iter().map(value).sum::<f64>() / count
    };
    let demand: Vec<f64> = columns.iter().map(|column| mean(column, &work)).collect();
    let most = seconds.iter().map(|second| f64::from(second.paid()));
    let most = most.chain(demand.iter().copied()).fold(1.0, f64::max);
    let scale = step_for(most);
    let full = (most / scale).ceil() * scale;
    let height = |nodes: f64| NODES_HEIGHT * (1.0 - nodes / full);
    let x = |index: usize| place(index * size, seconds.len());
    let line = |value: &dyn Fn(&[Second]) -> f64| {
        let points = columns.iter().enumerate();
        let points = points.map(|(index, column)| format!("{:.1} {:.1}", x(index), value(column)));
        format!("M{}", points.collect::<Vec<_>>().join("L"))
    };
    let nodes = |count: &dyn Fn(&Second) -> u32| {
        line(&|column| height(f64::from(column.iter().map(count).max().unwrap_or(0))))
    };
    let overload = columns.iter().enumerate();
    let overload = overload.filter(|(_, column)| column.iter().any(Second::is_overloaded));
    Panel {
        policy: one.policy,
        told: &one.told,
        top,
        node_marks: node_marks(full, scale),
        demand: format!(
            "{}L{WIDTH} {NODES_HEIGHT}L0 {NODES_HEIGHT}Z",
            line(&|column| height(mean(column, &work)))
        ),
        paid: nodes(&Second::paid),
        ready: nodes(&|second| second.ready),
        overload: overload
            .map(|(index, _)| format!("M{:.1} 0V{SHARE_HEIGHT}", x(index)))
            .collect(),
        utilisation: line(&|column| {
            height_of_share(mean(column, &|second| second.utilisation(machine)))
        }),
    }
}

fn height_of_share(share: f64) -> f64 {
    ((1.0 - share) * SHARE_HEIGHT * 10.0).round() / 10.0
}

/// The place of a second from the left.
fn place(second: usize, all: usize) -> f64 {
    let number =
        |count: usize| f64::from(u32::try_from(count).expect("a trace is at most a month"));
    WIDTH * number(second) / number(all.max(1))
}

/// A round step that marks an axis up to five times.
fn step_for(most: f64) -> f64 {
    let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];
    let fits = steps.into_iter().find(|step| most / step <= 5.0);
    fits.unwrap_or(most / 5.0)
}

fn node_marks(full: f64, step: f64) -> Vec<Mark> {
    let mut marks = Vec::new();
    let mut nodes = 0.0;
    while nodes <= full {
        marks.push(Mark {
            y: NODES_HEIGHT * (1.0 - nodes / full),
            label: format!("{nodes:.0}"),
        });
        nodes += step;
    }
    marks
}

fn time_marks(seconds: usize) -> Vec<Mark> {
    let steps = [60, 300, 600, 1800, 3600, 4 * 3600, 86_400];
    let step = steps.into_iter().find(|step| seconds / step <= 12);
    let step = step.unwrap_or(4 * 86_400);
    let label = |at: usize| match step {
        _ if at == 0 => "0".to_owned(),
        1..3600 => format!("{} min", at / 60),
        3600..86_400 => format!("{} h", at / 3600),
        _ => format!("{} d", at / 86_400),
    };
    (0..=seconds)
        .step_by(step)
        .map(|at| Mark {
            y: place(at, seconds),
            label: label(at),
        })
        .collect()
}
