//! A chart as SVG.

use std::fmt::Write as _;

use super::scale::Span;
use super::{Axis, Chart, Dash, Mark, Series, Style};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 520.0;
/// Where the lines are drawn: left, top, right, bottom.
const PLOT: [f64; 4] = [84.0, 74.0, 700.0, 448.0];
/// Where the legend begins.
const LEGEND: (f64, f64) = (722.0, 84.0);
const LEGEND_LINE: f64 = 22.0;

const PAPER: &str = "#ffffff";
const INK: &str = "#1a1a1a";
const INK_FAINT: &str = "#595959";
const GRID: &str = "#dddddd";
const SHADE: &str = "#f0e0c8";

/// The first one is in the PNG; a browser takes what it has.
const FONT: &str = "DejaVu Sans, Verdana, sans-serif";

/// The chart as a whole SVG file.
pub(super) fn svg(chart: &Chart) -> String {
    let canvas = Canvas::new(chart);
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" font-family="{FONT}" fill="{INK}">"#
    );
    let _ = writeln!(svg, "<title>{}</title>", escape(&chart.title));
    let _ = writeln!(
        svg,
        r#"<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{PAPER}"/>"#
    );
    text(&mut svg, (24.0, 32.0), 17.0, "start", INK, &chart.title);
    let faint = INK_FAINT;
    text(
        &mut svg,
        (24.0, 54.0),
        13.0,
        "start",
        faint,
        &chart.subtitle,
    );
    canvas.band(&mut svg);
    canvas.axes(&mut svg);
    // The first one on top of the others.
    for series in chart.series.iter().rev() {
        canvas.series(&mut svg, series);
    }
    legend(&mut svg, &chart.series);
    svg.push_str("</svg>\n");
    svg
}

/// The plot's two directions.
struct Canvas<'a> {
    chart: &'a Chart,
    x: Span,
    y: Span,
}

impl<'a> Canvas<'a> {
    fn new(chart: &'a Chart) -> Self {
        let points = || chart.series.iter().flat_map(|series| &series.points);
        let span = |axis: &Axis, values| Span::new(axis.scale, axis.range, values);
        let xs: Vec<f64> = points().map(|point| point.0).collect();
        let ys: Vec<f64> = points().map(|point| point.1).collect();
        Self {
            chart,
            x: span(&chart.x, xs.into_iter()),
            y: span(&chart.y, ys.into_iter()),
        }
    }

    /// Where a point is on the picture; values outside of an axis go to its end.
    fn point(&self, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        let [left, top, right, bottom] = PLOT;
        let across = self.x.place(self.x.clamp(x))?;
        let up = self.y.place(self.y.clamp(y))?;
        Some((left + across * (right - left), bottom - up * (bottom - top)))
    }

    fn band(&self, svg: &mut String) {
        let Some(band) = &self.chart.band else {
            return;
        };
        let [_, top, _, bottom] = PLOT;
        let (Some(from), Some(to)) = (self.x.place(band.from), self.x.place(band.to)) else {
            return;
        };
        let [left, _, right, _] = PLOT;
        let (from, to) = (left + from * (right - left), left + to * (right - left));
        let (width, height) = (to - from, bottom - top);
        let _ = writeln!(
            svg,
            r#"<rect x="{from:.1}" y="{top}" width="{width:.1}" height="{height}" fill="{SHADE}"/>"#
        );
        text(
            svg,
            (to + 6.0, top + 16.0),
            12.0,
            "start",
            INK_FAINT,
            &band.name,
        );
    }

    fn axes(&self, svg: &mut String) {
        let [left, top, right, bottom] = PLOT;
        for tick in self.x.ticks() {
            let Some(part) = self.x.place(tick) else {
                continue;
            };
            let x = left + part * (right - left);
            line(svg, [x, top, x, bottom], GRID);
            let label = label(&self.chart.x, tick);
            text(svg, (x, bottom + 19.0), 13.0, "middle", INK, &label);
        }
        for tick in self.y.ticks() {
            let Some(part) = self.y.place(tick) else {
                continue;
            };
            let y = bottom - part * (bottom - top);
            line(svg, [left, y, right, y], GRID);
            let label = label(&self.chart.y, tick);
            text(svg, (left - 8.0, y + 4.5), 13.0, "end", INK, &label);
        }
        line(svg, [left, bottom, right, bottom], INK);
        line(svg, [left, top, left, bottom], INK);
        let middle = (left + right) / 2.0;
        let name = &self.chart.x.label;
        text(svg, (middle, bottom + 46.0), 13.0, "middle", INK, name);
        let middle = (top + bottom) / 2.0;
        let name = escape(&self.chart.y.label);
        let _ = writeln!(
            svg,
            r#"<text transform="translate(24 {middle}) rotate(-90)" font-size="13" text-anchor="middle">{name}</text>"#
        );
    }

    fn series(&self, svg: &mut String, series: &Series) {
        let placed = series.points.iter().map(|point| self.point(*point));
        let places: Vec<(f64, f64)> = placed.flatten().collect();
        let mut path = String::new();
        for (x, y) in &places {
            let _ = write!(path, "{x:.1},{y:.1} ");
        }
        polyline(svg, path.trim_end(), &series.style);
        if series.style.marked {
            for place in places {
                mark(svg, place, &series.style);
            }
        }
    }
}

fn legend(svg: &mut String, series: &[Series]) {
    for (index, series) in series.iter().enumerate() {
        let (x, y) = (LEGEND.0, LEGEND.1 + LEGEND_LINE * index as f64);
        let path = format!("{x},{y} {},{y}", x + 32.0);
        polyline(svg, &path, &series.style);
        mark(svg, (x + 16.0, y), &series.style);
        text(svg, (x + 42.0, y + 4.5), 13.0, "start", INK, &series.name);
    }
}

fn polyline(svg: &mut String, points: &str, style: &Style) {
    let width = if style.bold { 3.0 } else { 1.8 };
    let dash = match style.dash {
        Dash::Solid => "",
        Dash::Dashed => r#" stroke-dasharray="8 4""#,
        Dash::Dotted => r#" stroke-dasharray="2 3.5""#,
    };
    let colour = style.colour;
    let _ = writeln!(
        svg,
        r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"{dash}/>"#
    );
}

fn mark(svg: &mut String, (x, y): (f64, f64), style: &Style) {
    let size = if style.bold { 5.0 } else { 4.0 };
    let path = match style.mark {
        Mark::Circle => format!(
            "M{:.1} {y:.1}a{size} {size} 0 1 0 {d} 0a{size} {size} 0 1 0 -{d} 0z",
            x - size,
            d = size * 2.0
        ),
        Mark::Square => format!(
            "M{:.1} {:.1}h{d}v{d}h-{d}z",
            x - size,
            y - size,
            d = size * 2.0
        ),
        Mark::Triangle => format!("M{x:.1} {:.1}l{size} {d}h-{d}z", y - size, d = size * 2.0),
        Mark::Diamond => format!(
            "M{x:.1} {:.1}l{size} {size}l-{size} {size}l-{size} -{size}z",
            y - size
        ),
        Mark::Cross => format!(
            "M{:.1} {:.1}l{d} {d}m0 -{d}l-{d} {d}",
            x - size,
            y - size,
            d = size * 2.0
        ),
    };
    let colour = style.colour;
    let paint = match style.mark {
        Mark::Cross => format!(r#"fill="none" stroke="{colour}" stroke-width="2""#),
        _ => format!(r#"fill="{colour}""#),
    };
    let _ = writeln!(svg, r#"<path d="{path}" {paint}/>"#);
}

fn line(svg: &mut String, [x1, y1, x2, y2]: [f64; 4], colour: &str) {
    let _ = writeln!(
        svg,
        r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{colour}"/>"#
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), size: f64, anchor: &str, colour: &str, words: &str) {
    let words = escape(words);
    let _ = writeln!(
        svg,
        r#"<text x="{x:.1}" y="{y:.1}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{words}</text>"#
    );
}

/// A tick's value: at most four decimals, none that say nothing.
fn label(axis: &Axis, tick: f64) -> String {
    let value = if axis.percent { tick * 100.0 } else { tick };
    let digits = format!("{value:.4}");
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    if axis.percent {
        format!("{digits} %")
    } else {
        digits.to_owned()
    }
}

fn escape(words: &str) -> String {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    words.replace('>', "&gt;")
}
