//! Line charts as SVG, and as PNG made of the same SVG.
//!
//! They have a background of their own, so that they read alike on a light and on a dark page.
//! Colours are those of Okabe and Ito, which every kind of colour vision tells apart; dashes and
//! marks say the same once more.

mod picture;
mod raster;
mod scale;

use std::path::Path;

use crate::Failure;
pub(crate) use scale::Scale;

/// A chart with lines.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    pub(crate) title: String,
    /// A line below the title: what was sent over what.
    pub(crate) subtitle: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
    /// A span of the horizontal axis that is shaded, and what it is.
    pub(crate) band: Option<Band>,
}

/// A shaded span of the horizontal axis.
#[derive(Debug, Clone)]
pub(crate) struct Band {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) name: String,
}

/// One direction of a chart.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    /// What it shows, with its unit.
    pub(crate) label: String,
    pub(crate) scale: Scale,
    /// Least and most; what lies outside is not drawn. `None`: as the data are.
    pub(crate) range: Option<(f64, f64)>,
    /// Values are shares of 1 and get written as percent.
    pub(crate) percent: bool,
}

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) style: Style,
    /// In the order of the horizontal axis.
    pub(crate) points: Vec<(f64, f64)>,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Style {
    pub(crate) colour: &'static str,
    pub(crate) dash: Dash,
    pub(crate) mark: Mark,
    /// Stands out.
    pub(crate) bold: bool,
    /// Marks at the points; else only in the legend.
    pub(crate) marked: bool,
}

/// How a line is broken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Dash {
    Solid,
    Dashed,
    Dotted,
}

/// What stands at the points of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mark {
    Circle,
    Square,
    Triangle,
    Diamond,
    Cross,
}

/// Writes `chart` as `stem.svg` and `stem.png`.
pub(crate) fn write(chart: &Chart, stem: &Path) -> Result<(), Failure> {
    let svg = picture::svg(chart);
    let png = raster::png(&svg)?;
    write_file(&stem.with_extension("svg"), svg.as_bytes())?;
    write_file(&stem.with_extension("png"), &png)
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()).into())
}

#[cfg(test)]
mod tests;
