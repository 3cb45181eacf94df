use roxmltree::{Document, Node};

use super::svg::{FONT_SIZE, TITLE_SIZE, text_width};
use super::*;
use crate::report::tests::made_up;

/// Left, top, right, bottom.
type Extent = [f64; 4];

fn number(node: Node<'_, '_>, name: &str) -> f64 {
    let text = node.attribute(name).expect("the attribute");
    text.parse().expect("a number")
}

fn text_extent(node: Node<'_, '_>) -> Extent {
    let size = if node.attribute("class") == Some("title") { TITLE_SIZE } else { FONT_SIZE };
    let width = text_width(node.text().expect("text"), size);
    let (x, y) = (number(node, "x"), number(node, "y"));
    let left = match node.attribute("text-anchor") {
        Some("start") => x,
        Some("middle") => x - width / 2.0,
        _ => x - width,
    };
    [left, y - 0.8 * size, left + width, y + 0.2 * size]
}

fn extent(node: Node<'_, '_>) -> Option<Extent> {
    let at = |name| number(node, name);
    Some(match node.tag_name().name() {
        "text" => text_extent(node),
        "rect" => [at("x"), at("y"), at("x") + at("width"), at("y") + at("height")],
        "line" => {
            [at("x1").min(at("x2")), at("y1").min(at("y2")), at("x1").max(at("x2")), at("y1").max(at("y2"))]
        }
        "circle" => [at("cx") - at("r"), at("cy") - at("r"), at("cx") + at("r"), at("cy") + at("r")],
        "polyline" => {
            let points = node.attribute("points").expect("points").split(' ');
            points.fold([f64::MAX, f64::MAX, f64::MIN, f64::MIN], |[left, top, right, bottom], point| {
                let (x, y) = point.split_once(',').expect("two numbers");
                let (x, y): (f64, f64) = (x.parse().expect("a number"), y.parse().expect("a number"));
                [left.min(x), top.min(y), right.max(x), bottom.max(y)]
            })
        }
        _ => return None,
    })
}

#[test]
fn charts_are_well_formed_and_stay_inside_their_view_box() {
    let charts = all(&made_up());
    assert_eq!(charts.len(), NAMES.len(), "made-up figures draw all charts");
    for chart in charts {
        let document = Document::parse(&chart.svg).expect("XML");
        let root = document.root_element();
        let view_box = root.attribute("viewBox").expect("a view box");
        assert_eq!(view_box, format!("0 0 {} {}", number(root, "width"), number(root, "height")));
        let extents: Vec<Extent> = document.descendants().filter_map(extent).collect();
        assert!(extents.len() > 20, "{} shows something", chart.name);
        for [left, top, right, bottom] in extents {
            let inside = left >= 0.0 && top >= 0.0;
            let inside = inside && right <= number(root, "width") && bottom <= number(root, "height");
            assert!(inside, "{}: {left} {top} {right} {bottom} outside {view_box}", chart.name);
        }
    }
}

#[test]
fn no_text_lies_on_another() {
    for chart in all(&made_up()) {
        let document = Document::parse(&chart.svg).expect("XML");
        let texts: Vec<_> = document.descendants().filter(|node| node.has_tag_name("text")).collect();
        let is_named = |node: &Node<'_, '_>| node.tag_name().name() == "text";
        assert!(document.descendants().filter(is_named).count() > 5);
        for (place, one) in texts.iter().enumerate() {
            for other in &texts[place + 1..] {
                let ([l1, t1, r1, b1], [l2, t2, r2, b2]) = (text_extent(*one), text_extent(*other));
                let apart = r1 <= l2 || r2 <= l1 || b1 <= t2 || b2 <= t1;
                assert!(apart, "{}: {:?} lies on {:?}", chart.name, one.text(), other.text());
            }
        }
    }
}

#[test]
fn the_legend_names_those_that_are_drawn() {
    let charts = all(&made_up());
    let of = |name| &charts.iter().find(|chart| chart.name == name).expect("the chart").svg;
    for name in ["Apache Kafka 4.3.1, unflushed", "Gracchus, relaxed", "Gracchus, flushed", "limit, flushed"]
    {
        assert!(of("throughput").contains(name), "{name}");
    }
    assert!(!of("growth").contains(">limit"), "the limit does not grow");
}

#[test]
fn what_was_not_measured_is_not_drawn() {
    assert_eq!(all(&Results::default()), []);
}
