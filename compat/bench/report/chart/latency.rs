//! Latencies on a logarithmic axis: from the median over p99 to p99.9, a line for each subject of each workload.

use super::scale::{Logarithmic, tick_text};
use super::svg::{Anchor, FONT_SIZE, MARGIN, Point, Svg, WIDTH, fill, stroke, text_width};
use crate::report::units::number;
use crate::subject::Subject;

const STEP: f64 = 18.0;
const GROUP_GAP: f64 = 14.0;

#[derive(Clone, Debug)]
pub struct Latency {
    pub title: &'static str,
    pub about: &'static str,
    pub groups: Vec<Group>,
}

/// One workload, or a part of it.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: String,
    pub lines: Vec<(Subject, Quantiles)>,
}

/// Medians of the rounds, in milliseconds; `None` what was not measured.
#[derive(Clone, Copy, Debug)]
pub struct Quantiles {
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    pub p999: Option<f64>,
}

impl Latency {
    /// The drawing, with this legend; `None` if there is nothing above zero to draw.
    pub fn draw(&self, legend: &[(Subject, &str)]) -> Option<String> {
        let all = || self.groups.iter().flat_map(|group| &group.lines).flat_map(|(_, line)| line.measured());
        let least = all().min_by(f64::total_cmp)?;
        let most = all().max_by(f64::total_cmp)?;
        let axis = Logarithmic::between(least, most);

        let (mut svg, top) = Svg::with_head(self.title, self.about, legend);
        let height: f64 = self.groups.iter().map(Group::height).sum();
        let widths = self.groups.iter().map(|group| text_width(&group.name, FONT_SIZE));
        let left = MARGIN + widths.fold(0.0, f64::max) + 14.0;
        let lines = self.groups.iter().flat_map(|group| &group.lines);
        let texts = lines.map(|(_, line)| text_width(&line.text(), FONT_SIZE)).fold(0.0, f64::max);
        let right = WIDTH - MARGIN - texts - 14.0;
        let x = |value: f64| left + axis.place(value) * (right - left);
        for tick in axis.ticks() {
            svg.line((x(tick), top), (x(tick), top + height), "grid");
        }
        draw_numbers(&mut svg, &axis, top + height + 16.0, &x);
        svg.text((WIDTH - MARGIN, top + height + 16.0), Anchor::End, "quiet", "milliseconds");
        let mut y = top + GROUP_GAP / 2.0;
        for group in &self.groups {
            group.draw(&mut svg, (left, y), &x);
            y += group.height();
        }
        Some(svg.finish(top + height + 32.0))
    }
}

/// The ends of the axis may be close to a power of ten: then only one of the two is written.
fn draw_numbers(svg: &mut Svg, axis: &Logarithmic, y: f64, x: &impl Fn(f64) -> f64) {
    let mut free_from = 0.0;
    for tick in axis.ticks() {
        let text = tick_text(tick);
        let half = text_width(&text, FONT_SIZE) / 2.0;
        if x(tick) - half >= free_from {
            svg.text((x(tick), y), Anchor::Middle, "quiet", &text);
            free_from = x(tick) + half + 4.0;
        }
    }
}

impl Group {
    fn height(&self) -> f64 {
        self.lines.len() as f64 * STEP + GROUP_GAP
    }

    fn draw(&self, svg: &mut Svg, (left, top): Point, x: &impl Fn(f64) -> f64) {
        let middle = top + (self.height() - GROUP_GAP) / 2.0;
        svg.text((left - 14.0, middle + 4.0), Anchor::End, "", &self.name);
        for (place, (subject, line)) in self.lines.iter().enumerate() {
            let y = top + (place as f64 + 0.5) * STEP;
            line.draw(svg, y, *subject, x);
            svg.text((WIDTH - MARGIN, y + 4.0), Anchor::End, "", &line.text());
        }
    }
}

impl Quantiles {
    fn measured(&self) -> impl Iterator<Item = f64> {
        [self.p50, self.p99, self.p999].into_iter().flatten().filter(|value| *value > 0.0)
    }

    fn text(&self) -> String {
        let one = |value: Option<f64>| value.map_or("–".into(), number);
        format!("{} · {} · {}", one(self.p50), one(self.p99), one(self.p999))
    }

    fn draw(&self, svg: &mut Svg, y: f64, subject: Subject, x: &impl Fn(f64) -> f64) {
        let places: Vec<Point> = self.measured().map(|value| (x(value), y)).collect();
        svg.curve(&places, &format!("curve {}", stroke(subject)));
        let at = |value: Option<f64>| value.filter(|value| *value > 0.0).map(x);
        if let Some(x) = at(self.p50) {
            svg.circle((x, y), 4.5, &fill(subject));
        }
        if let Some(x) = at(self.p99) {
            svg.rect((x - 4.0, y - 4.0), (8.0, 8.0), &fill(subject));
        }
        if let Some(x) = at(self.p999) {
            svg.rect((x - 1.5, y - 7.0), (3.0, 14.0), &fill(subject));
        }
    }
}
