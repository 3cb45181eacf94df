//! Bars beside each other: one quantity, several workloads, several subjects, the range of the rounds on each bar.

use super::scale::{Linear, tick_text};
use super::svg::{Anchor, FONT_SIZE, MARGIN, Point, Svg, WIDTH, fill, text_width};
use crate::report::units::number;
use crate::results::Spread;
use crate::subject::Subject;

const BAR: f64 = 12.0;
const BAR_STEP: f64 = 16.0;
const GROUP_GAP: f64 = 14.0;

#[derive(Clone, Debug)]
pub struct Bars {
    pub title: &'static str,
    pub about: &'static str,
    pub groups: Vec<Group>,
}

/// The bars of one workload, or of a part of it.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: String,
    pub bars: Vec<(Subject, Spread)>,
}

impl Bars {
    /// The drawing, with this legend.
    pub fn draw(&self, legend: &[(Subject, &str)]) -> String {
        let (mut svg, top) = Svg::with_head(self.title, self.about, legend);
        let height: f64 = self.groups.iter().map(Group::height).sum();
        let (left, right) = (self.left(), WIDTH - MARGIN - self.right());
        let axis = Linear::up_to(self.most());
        let x = |value: f64| left + axis.place(value) * (right - left);
        for tick in axis.ticks() {
            svg.line((x(tick), top), (x(tick), top + height), "grid");
            svg.text((x(tick), top + height + 16.0), Anchor::Middle, "quiet", &tick_text(tick));
        }
        let mut y = top + GROUP_GAP / 2.0;
        for group in &self.groups {
            group.draw(&mut svg, (left, y), x);
            y += group.height();
        }
        svg.line((left, top), (left, top + height), "axis");
        svg.finish(top + height + 32.0)
    }

    fn most(&self) -> f64 {
        let ranges = self.groups.iter().flat_map(|group| &group.bars);
        ranges.map(|(_, spread)| spread.most).fold(0.0, f64::max)
    }

    fn left(&self) -> f64 {
        let widths = self.groups.iter().map(|group| text_width(&group.name, FONT_SIZE));
        MARGIN + widths.fold(0.0, f64::max) + 10.0
    }

    /// Room for the number after the longest bar.
    fn right(&self) -> f64 {
        let bars = self.groups.iter().flat_map(|group| &group.bars);
        let widths = bars.map(|(_, spread)| text_width(&number(spread.median), FONT_SIZE));
        widths.fold(0.0, f64::max) + 10.0
    }
}

impl Group {
    fn height(&self) -> f64 {
        self.bars.len() as f64 * BAR_STEP + GROUP_GAP
    }

    fn draw(&self, svg: &mut Svg, (left, top): Point, x: impl Fn(f64) -> f64) {
        let middle = top + (self.height() - GROUP_GAP) / 2.0;
        svg.text((left - 10.0, middle + 3.0), Anchor::End, "", &self.name);
        for (place, (subject, spread)) in self.bars.iter().enumerate() {
            let y = top + place as f64 * BAR_STEP;
            svg.rect((left, y), (x(spread.median) - left, BAR), &fill(*subject));
            let (least, most) = (x(spread.least), x(spread.most));
            if most > least {
                svg.line((least, y + BAR / 2.0), (most, y + BAR / 2.0), "range");
                svg.line((least, y + 3.0), (least, y + BAR - 3.0), "range");
                svg.line((most, y + 3.0), (most, y + BAR - 3.0), "range");
            }
            svg.text((most + 6.0, y + BAR - 2.0), Anchor::Start, "", &number(spread.median));
        }
    }
}
