//! Response times by percentile as a picture, one curve for each side.

use askama::Template;

use super::figures::Figures;
use super::score::at;

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 320.0;
/// Percentiles are drawn by their nines: 90 %, 99 %, 99.9 %.
const NINES: f64 = 3.0;
const STEPS: u32 = 120;
const COLOURS: [&str; 3] = ["#1f4e9c", "#c0622b", "#2b7a2b"];

#[derive(Template)]
#[template(path = "bench.svg.j2", escape = "html")]
struct Svg<'a> {
    title: &'a str,
    curves: Vec<Curve<'a>>,
    rows: Vec<Mark>,
    columns: Vec<Mark>,
}

struct Curve<'a> {
    name: &'a str,
    colour: &'static str,
    path: String,
    legend: f64,
}

/// A line with a number, and its place.
struct Mark {
    at: f64,
    label: String,
}

/// Draws the sides of one load test as an SVG document.
pub fn picture(title: &str, sides: &[(&str, &Figures)]) -> String {
    let highest = sides
        .iter()
        .map(|(_, figures)| at(&figures.wholes, 0.999))
        .fold(10.0_f64, f64::max)
        .log10()
        .ceil();
    let place = |millis: f64| HEIGHT - millis.max(1.0).log10() / highest * HEIGHT;
    let mut legend = 0.0;
    let curves = sides.iter().zip(COLOURS.iter().cycle());
    let curves = curves.map(|((name, figures), colour)| {
        let points = (0..=STEPS).map(|step| {
            let nines = NINES * f64::from(step) / f64::from(STEPS);
            let millis = at(&figures.wholes, 1.0 - 10.0_f64.powf(-nines));
            format!("{:.1} {:.1}", nines / NINES * WIDTH, place(millis))
        });
        let path = format!("M{}", points.collect::<Vec<_>>().join("L"));
        legend += 18.0;
        Curve {
            name,
            colour,
            path,
            legend,
        }
    });
    let rows = std::iter::successors(Some(1.0_f64), |millis| Some(millis * 10.0))
        .take_while(|millis| millis.log10() <= highest)
        .map(|millis| Mark {
            at: place(millis),
            label: format!("{millis} ms"),
        });
    let columns = ["0 %", "90 %", "99 %", "99.9 %"];
    let columns = (0_u32..).zip(columns).map(|(nines, label)| Mark {
        at: f64::from(nines) / NINES * WIDTH,
        label: label.to_owned(),
    });
    let svg = Svg {
        title,
        curves: curves.collect(),
        rows: rows.collect(),
        columns: columns.collect(),
    };
    svg.render().expect("the template only prints values")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_side_has_its_curve_and_odd_names_stay_text() {
        let empty = Figures::default();
        let svg = picture("a < b", &[("line", &empty), ("direct", &empty)]);
        assert_eq!(svg.matches("stroke-width=\"2\"").count(), 2);
        assert!(!svg.contains("a < b") && !svg.contains("NaN"), "{svg}");
    }
}
