//! The comparison as a picture: a dot for each ratio, a line for its interval.

use std::fmt::Write as _;

use crate::{contender::NAMES, report::RIVALS, report::Ratio};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 170.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 74.0;
const LINE: f64 = 17.0;
const GAP: f64 = 10.0;
/// Of the rivals, by their place in the legend; told apart with any eyesight, on white and on black.
const COLOURS: [&str; 3] = ["#0072b2", "#d55e00", "#009e73"];
const TICKS: [f64; 14] = [0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0];

/// A scale on which half and double are equally far from one.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn of(ratios: &[Ratio]) -> Self {
        let low = ratios.iter().map(|ratio| ratio.estimate.low).fold(0.7, f64::min);
        let high = ratios.iter().map(|ratio| ratio.estimate.high).fold(1.5, f64::max);
        Self { low: low * 0.95, high: high * 1.05 }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * (value / self.low).ln() / (self.high / self.low).ln()
    }
}

/// The picture as SVG.
pub fn svg(ratios: &[Ratio]) -> String {
    let scale = Scale::of(ratios);
    let (mut y, mut marks) = (TOP, String::new());
    for group in ratios.chunk_by(|a, b| a.title == b.title) {
        let middle = y + LINE * group.len() as f64 / 2.0 + 4.0;
        let (x, title) = (LEFT - 12.0, group[0].title);
        writeln!(marks, "<text x=\"{x:.0}\" y=\"{middle:.0}\" text-anchor=\"end\">{title}</text>").expect("writing to a string");
        for ratio in group {
            marks += &mark(&scale, ratio, y + LINE / 2.0);
            y += LINE;
        }
        y += GAP;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<title>Livery's CPU per request, as a share of its rivals'</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"22\" font-size=\"15\">Livery's CPU per request, as a share of its rivals' (left of 1 is better)</text>\n\
         {legend}{axis}{marks}</svg>\n",
        height = y + 30.0,
        legend = legend(),
        axis = axis(&scale, y),
    )
}

fn colour(rival: usize) -> &'static str {
    RIVALS.iter().position(|known| *known == rival).map_or("#000", |place| COLOURS[place])
}

fn mark(scale: &Scale, Ratio { rival, estimate, title }: &Ratio, y: f64) -> String {
    let (colour, name) = (colour(*rival), NAMES[*rival]);
    let (low, middle, high) = (scale.x(estimate.low), scale.x(estimate.median), scale.x(estimate.high));
    format!(
        "<g stroke=\"{colour}\" fill=\"{colour}\"><title>{title}, {name}: {:.2}</title>\
         <path d=\"M{low:.1} {y:.1}H{high:.1}\" stroke-width=\"2\"/><circle cx=\"{middle:.1}\" cy=\"{y:.1}\" r=\"4\"/></g>\n",
        estimate.median
    )
}

fn legend() -> String {
    let mut legend = String::new();
    for (place, rival) in RIVALS.into_iter().enumerate() {
        let x = LEFT + 150.0 * place as f64;
        let (colour, name) = (colour(rival), NAMES[rival]);
        writeln!(
            legend,
            "<circle cx=\"{x}\" cy=\"41\" r=\"4\" fill=\"{colour}\"/><text x=\"{}\" y=\"45\">{name}</text>",
            x + 10.0
        )
        .expect("writing to a string");
    }
    legend
}

fn axis(scale: &Scale, bottom: f64) -> String {
    let mut axis = String::new();
    for tick in TICKS.into_iter().filter(|tick| (scale.low..scale.high).contains(tick)) {
        let (x, colour) = (scale.x(tick), if (tick - 1.0).abs() < 1e-9 { "#000" } else { "#ddd" });
        writeln!(
            axis,
            "<path d=\"M{x:.1} {:.0}V{bottom:.0}\" stroke=\"{colour}\"/><text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{tick}</text>",
            TOP - 10.0,
            bottom + 16.0
        )
        .expect("writing to a string");
    }
    axis
}
