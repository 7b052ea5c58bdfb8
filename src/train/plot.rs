//! One plot as inline SVG: a line, and circles over it.

use std::fmt::Display;
use std::ops::Range;

use plotters::prelude::*;

/// Width and height of a plot, in pixels.
const SIZE: (u32, u32) = (640, 320);

/// Points a line is thinned to: more cannot be seen.
pub const MOST_POINTS: usize = 600;

/// What stands above a plot and beside its axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Titles {
    /// Above.
    pub plot: &'static str,
    /// Below the horizontal axis.
    pub x: &'static str,
    /// Beside the vertical axis.
    pub y: &'static str,
}

/// Draws a line with circles over it.
///
/// # Errors
/// What could not be drawn.
pub fn line(titles: Titles, line: &[(f64, f64)], circles: &[(f64, f64)]) -> Result<String, String> {
    let all = || line.iter().chain(circles);
    let (x_range, y_range) = (range(all().map(|point| point.0)), range(all().map(|point| point.1)));
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(text)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(titles.plot, ("sans-serif", 16))
            .margin(8)
            .x_label_area_size(36)
            .y_label_area_size(56)
            .build_cartesian_2d(x_range, y_range)
            .map_err(text)?;
        chart.configure_mesh().x_desc(titles.x).y_desc(titles.y).draw().map_err(text)?;
        chart.draw_series(LineSeries::new(line.iter().copied(), &BLUE)).map_err(text)?;
        let dots = circles.iter().map(|&point| Circle::new(point, 4, RED.filled()));
        chart.draw_series(dots).map_err(text)?;
        area.present().map_err(text)?;
    }
    Ok(svg)
}

fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low < high { low..high } else { -1.0..1.0 }
}

fn text(error: impl Display) -> String {
    error.to_string()
}
