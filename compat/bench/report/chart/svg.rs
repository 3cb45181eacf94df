//! A drawing, element by element. Knows how wide text is and which colour a subject has, and nothing of what is drawn.

use crate::subject::Subject;

/// All drawings are so wide: what a page of docs shows without making it smaller.
pub const WIDTH: f64 = 880.0;
/// Free at both sides.
pub const MARGIN: f64 = 20.0;
/// Of all text but the title.
pub const FONT_SIZE: f64 = 12.0;
pub const TITLE_SIZE: f64 = 16.0;
/// Average width of a character in units of the font size. Fonts differ; few are wider.
const CHARACTER: f64 = 0.6;

/// Colours on light and on dark ground, told apart by those who do not see red and green as well.
const PALETTE: &[(Subject, &str, &str)] = &[
    (Subject::Reference, "#b35900", "#d4853a"),
    (Subject::Relaxed, "#54aeff", "#79c0ff"),
    (Subject::Flushed, "#0a4a9e", "#2f74d8"),
    (Subject::LimitRelaxed, "#a0a7af", "#6e7681"),
    (Subject::LimitFlushed, "#6e7781", "#9aa4ae"),
];

/// A drawing has its own ground, so that it can be read whatever the page's is.
const LIGHT: &str = "\
.page{fill:#fff}text{fill:#1f2328}.title{font-weight:600}.quiet{fill:#59636e}\
.grid{stroke:#dfe3e8}.axis{stroke:#8c959f}.range{stroke:#1f2328}.curve{fill:none;stroke-width:2}";
const DARK: &str = "\
.page{fill:#0d1117}text{fill:#e6edf3}.quiet{fill:#9198a1}\
.grid{stroke:#262c33}.axis{stroke:#6e7681}.range{stroke:#e6edf3}";

/// A place in the drawing, from its upper left corner.
pub type Point = (f64, f64);

/// What a text begins, ends or is centred at.
#[derive(Clone, Copy, Debug)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Debug, Default)]
pub struct Svg {
    title: String,
    body: String,
}

impl Svg {
    /// A drawing with its title, what it shows, and a legend; gives the height that they take.
    pub fn with_head(title: &str, about: &str, legend: &[(Subject, &str)]) -> (Svg, f64) {
        let mut svg = Svg { title: escaped(title), body: String::new() };
        svg.text((MARGIN, 30.0), Anchor::Start, "title", title);
        svg.text((MARGIN, 50.0), Anchor::Start, "quiet", about);
        let (mut x, mut y) = (MARGIN, 74.0);
        for (subject, name) in legend {
            let width = 18.0 + text_width(name, FONT_SIZE) + 18.0;
            if x + width > WIDTH - MARGIN && x > MARGIN {
                (x, y) = (MARGIN, y + 20.0);
            }
            svg.rect((x, y - 10.0), (12.0, 11.0), &fill(*subject));
            svg.text((x + 18.0, y), Anchor::Start, "", name);
            x += width;
        }
        (svg, y + 18.0)
    }

    pub fn rect(&mut self, (x, y): Point, (width, height): (f64, f64), class: &str) {
        self.push(&format!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
        ));
    }

    pub fn line(&mut self, from: Point, to: Point, class: &str) {
        self.push(&format!(
            "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
            from.0, from.1, to.0, to.1
        ));
    }

    pub fn circle(&mut self, (x, y): Point, radius: f64, class: &str) {
        self.push(&format!("<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"/>"));
    }

    /// A line through all points.
    pub fn curve(&mut self, points: &[Point], class: &str) {
        let points: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.push(&format!("<polyline class=\"{class}\" points=\"{}\"/>", points.join(" ")));
    }

    /// Text on the base line of a point.
    pub fn text(&mut self, (x, y): Point, anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.push(&format!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
            escaped(text)
        ));
    }

    fn push(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }

    /// The file's text.
    pub fn finish(self, height: f64) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" \
             width=\"{WIDTH:.0}\" height=\"{height:.0}\" role=\"img\">\n\
             <title>{}</title>\n<style>{}</style>\n\
             <rect class=\"page\" x=\"0\" y=\"0\" width=\"{WIDTH:.0}\" height=\"{height:.0}\" rx=\"6\"/>\n{}</svg>\n",
            self.title,
            style(),
            self.body
        )
    }
}

/// An estimate that is rather too wide than too narrow.
pub fn text_width(text: &str, font_size: f64) -> f64 {
    text.chars().count() as f64 * font_size * CHARACTER
}

/// The class of an area that stands for a subject.
pub fn fill(subject: Subject) -> String {
    format!("fill-{}", name(subject))
}

/// The class of a line that stands for a subject.
pub fn stroke(subject: Subject) -> String {
    format!("stroke-{}", name(subject))
}

const fn name(subject: Subject) -> &'static str {
    match subject {
        Subject::Reference => "reference",
        Subject::Relaxed => "relaxed",
        Subject::Flushed => "flushed",
        Subject::LimitRelaxed => "limit-relaxed",
        Subject::LimitFlushed => "limit-flushed",
    }
}

fn style() -> String {
    let colours = |of: fn(&(Subject, &'static str, &'static str)) -> &'static str| {
        let rules = PALETTE.iter().map(|entry| {
            let (fill, stroke, colour) = (fill(entry.0), stroke(entry.0), of(entry));
            format!(".{fill}{{fill:{colour}}}.{stroke}{{stroke:{colour}}}")
        });
        rules.collect::<String>()
    };
    let fonts = format!(
        "text{{font:{FONT_SIZE}px system-ui,'Segoe UI','DejaVu Sans',sans-serif}}.title{{font-size:{TITLE_SIZE}px}}"
    );
    format!(
        "{fonts}{LIGHT}{}\n@media (prefers-color-scheme:dark){{{DARK}{}}}",
        colours(|entry| entry.1),
        colours(|entry| entry.2)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
