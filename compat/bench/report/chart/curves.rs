//! How quantities change over a workload whose parts are sizes or minutes: a panel for each quantity, a line for each
//! subject, the range of the rounds at each point.

use super::scale::{Linear, tick_text};
use super::svg::{Anchor, MARGIN, Point, Svg, WIDTH, fill, stroke};
use crate::results::Spread;
use crate::subject::Subject;

const PANEL_GAP: f64 = 30.0;
const PANEL_WIDTH: f64 = (WIDTH - 2.0 * MARGIN - PANEL_GAP) / 2.0;
const PLOT_HEIGHT: f64 = 150.0;
/// With its title and its axis.
const PANEL_HEIGHT: f64 = PLOT_HEIGHT + 82.0;
/// For the numbers left of a plot.
const NUMBERS: f64 = 44.0;

#[derive(Clone, Debug)]
pub struct Curves {
    pub title: &'static str,
    pub about: &'static str,
    /// What the parts count.
    pub across: &'static str,
    pub panels: Vec<Panel>,
}

/// One quantity.
#[derive(Clone, Debug)]
pub struct Panel {
    pub name: String,
    /// For each subject the points in the order of the parts.
    pub curves: Vec<(Subject, Vec<(f64, Spread)>)>,
}

impl Curves {
    /// The drawing, with this legend.
    pub fn draw(&self, legend: &[(Subject, &str)]) -> String {
        let (mut svg, top) = Svg::with_head(self.title, self.about, legend);
        for (place, panel) in self.panels.iter().enumerate() {
            let column = (place % 2) as f64 * (PANEL_WIDTH + PANEL_GAP);
            panel.draw(&mut svg, (MARGIN + column, top + (place / 2) as f64 * PANEL_HEIGHT), self.across);
        }
        svg.finish(top + self.panels.len().div_ceil(2) as f64 * PANEL_HEIGHT + 4.0)
    }
}

impl Panel {
    fn draw(&self, svg: &mut Svg, (left, top): Point, across: &str) {
        svg.text((left, top + 14.0), Anchor::Start, "", &self.name);
        let (left, right) = (left + NUMBERS, left + PANEL_WIDTH);
        let (top, bottom) = (top + 26.0, top + 26.0 + PLOT_HEIGHT);
        let points = || self.curves.iter().flat_map(|(_, points)| points);
        let height = Linear::up_to(points().map(|(_, spread)| spread.most).fold(0.0, f64::max));
        let length = Linear::up_to(points().map(|(position, _)| *position).fold(0.0, f64::max));
        let x = |position: f64| left + length.place(position) * (right - left);
        let y = |value: f64| bottom - height.place(value) * (bottom - top);
        for tick in height.ticks() {
            svg.line((left, y(tick)), (right, y(tick)), "grid");
            svg.text((left - 6.0, y(tick) + 4.0), Anchor::End, "quiet", &tick_text(tick));
        }
        for tick in length.ticks() {
            svg.text((x(tick), bottom + 16.0), Anchor::Middle, "quiet", &tick_text(tick));
        }
        svg.text(((left + right) / 2.0, bottom + 32.0), Anchor::Middle, "quiet", across);
        svg.line((left, bottom), (right, bottom), "axis");
        for (subject, points) in &self.curves {
            draw_curve(svg, *subject, points, (&x, &y));
        }
    }
}

fn draw_curve(
    svg: &mut Svg,
    subject: Subject,
    points: &[(f64, Spread)],
    (x, y): (&impl Fn(f64) -> f64, &impl Fn(f64) -> f64),
) {
    let places: Vec<Point> = points.iter().map(|(at, spread)| (x(*at), y(spread.median))).collect();
    svg.curve(&places, &format!("curve {}", stroke(subject)));
    for ((at, spread), place) in points.iter().zip(places) {
        svg.line((x(*at), y(spread.least)), (x(*at), y(spread.most)), &stroke(subject));
        svg.circle(place, 3.0, &fill(subject));
    }
}
