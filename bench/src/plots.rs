//! Figures as pictures: lines over a growing number, and bars side by side. What they show is decided elsewhere.

use crate::modules::Module;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

const SIZE: (u32, u32) = (760, 420);
const TITLE: i32 = 20;
const LETTERS: i32 = 14;

/// One line, or one bar in each group.
pub struct Series {
    /// What it is called in the legend.
    pub name: String,
    /// The same in every picture.
    pub colour: RGBColor,
    /// Where it goes.
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// Of a module.
    pub fn of(module: Module, points: Vec<(f64, f64)>) -> Series {
        let colour = match module {
            Module::Empty => RGBColor(120, 120, 120),
            Module::Totp => RGBColor(0, 90, 180),
            Module::Google => RGBColor(210, 80, 20),
            Module::Oath => RGBColor(60, 140, 60),
        };
        Series { name: module.name().to_owned(), colour, points }
    }
}

/// A picture; its file is `NAME.svg`.
pub struct Plot {
    /// The name of the file.
    pub name: &'static str,
    /// What stands above it.
    pub title: &'static str,
    /// What stands beside the axes.
    pub axes: (&'static str, &'static str),
    /// How it is drawn.
    pub kind: Kind,
    /// What is drawn.
    pub series: Vec<Series>,
}

/// How a picture is drawn.
pub enum Kind {
    /// Lines over powers.
    Lines {
        /// Of this number.
        base: f64,
        /// Whether height grows by powers, too: of ten.
        powers: bool,
    },
    /// Bars: points are (number of the group, height), and these are the groups.
    Bars(Vec<String>),
}

impl Plot {
    /// The file's name below the directory.
    pub fn file(&self) -> String {
        format!("{}.svg", self.name)
    }

    /// Draws into a directory.
    pub fn draw(&self, directory: &Path) {
        let path: PathBuf = directory.join(self.file());
        self.try_draw(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // One line an element, so that a change can be read.
        let text = fs::read_to_string(&path).expect("it has just been drawn");
        fs::write(&path, text.trim_end().to_owned() + "\n").expect("it has just been drawn");
    }

    fn try_draw(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let points = || self.series.iter().flat_map(|series| &series.points);
        let highest = points().fold(0.0, |most: f64, (_, y)| most.max(*y)) * 1.15;
        let lowest = points().fold(f64::INFINITY, |least: f64, (_, y)| least.min(*y));
        let rightmost = points().fold(1.0, |most: f64, (x, _)| most.max(*x)) * 1.02;
        let leftmost = points().fold(f64::INFINITY, |least: f64, (x, _)| least.min(*x));
        match &self.kind {
            // The legend stands above the bars.
            Kind::Bars(groups) => self.bars(&area, groups, highest * 1.3)?,
            Kind::Lines { base, powers } => {
                let over = (leftmost..rightmost).log_scale().base(*base);
                if *powers {
                    let whole = |power: f64| 10f64.powf(power);
                    let heights = whole(lowest.log10().floor())..whole(highest.log10().ceil());
                    self.lines(&area, over, heights.log_scale())?;
                } else {
                    self.lines(&area, over, 0.0..highest)?;
                }
            }
        }
        area.present()?;
        Ok(())
    }

    fn lines<X, Y>(&self, area: &DrawingArea<SVGBackend<'_>, Shift>, x: X, y: Y) -> Result<(), Box<dyn Error>>
    where
        X: AsRangedCoord<Value = f64>,
        Y: AsRangedCoord<Value = f64>,
        X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
        Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let mut chart = ChartBuilder::on(area)
            .caption(self.title, ("sans-serif", TITLE))
            .margin(12)
            .margin_right(36)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .x_desc(self.axes.0)
            .y_desc(self.axes.1)
            .x_label_formatter(&|x| crate::numbers::number(x.round()))
            .y_label_formatter(&|y| crate::numbers::number(*y))
            .label_style(("sans-serif", LETTERS))
            .light_line_style(TRANSPARENT)
            .draw()?;
        for series in &self.series {
            let colour = series.colour;
            chart
                .draw_series(
                    LineSeries::new(series.points.iter().copied(), colour.stroke_width(2)).point_size(4),
                )?
                .label(&series.name)
                .legend(move |place| swatch(place, colour));
        }
        name_series(&mut chart, SeriesLabelPosition::UpperLeft)?;
        Ok(())
    }

    fn bars(
        &self,
        area: &DrawingArea<SVGBackend<'_>, Shift>,
        groups: &[String],
        highest: f64,
    ) -> Result<(), Box<dyn Error>> {
        let mut chart = ChartBuilder::on(area)
            .caption(self.title, ("sans-serif", TITLE))
            .margin(12)
            .margin_right(36)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(0.0..groups.len() as f64, 0.0..highest)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(0)
            .y_desc(self.axes.1)
            .y_label_formatter(&|y| crate::numbers::number(*y))
            .label_style(("sans-serif", LETTERS))
            .light_line_style(TRANSPARENT)
            .draw()?;
        let width = 0.8 / self.series.len() as f64;
        let centred = TextStyle::from(("sans-serif", LETTERS).into_font());
        let above = centred.pos(Pos::new(HPos::Center, VPos::Bottom));
        for (place, series) in self.series.iter().enumerate() {
            let colour = series.colour;
            let left = |group: f64| group + 0.1 + place as f64 * width;
            let bars = series.points.iter().map(|(group, height)| {
                Rectangle::new([(left(*group), 0.0), (left(*group) + width * 0.92, *height)], colour.filled())
            });
            chart.draw_series(bars)?.label(&series.name).legend(move |place| swatch(place, colour));
            let heights = series.points.iter().map(|(group, height)| {
                let text = crate::numbers::number(*height);
                Text::new(text, (left(*group) + width * 0.46, *height), above.clone())
            });
            chart.draw_series(heights)?;
        }
        name_series(&mut chart, SeriesLabelPosition::UpperRight)?;
        let below =
            TextStyle::from(("sans-serif", LETTERS).into_font()).pos(Pos::new(HPos::Center, VPos::Top));
        for (group, name) in groups.iter().enumerate() {
            let (x, y) = chart.backend_coord(&(group as f64 + 0.5, 0.0));
            area.draw(&Text::new(name.as_str(), (x, y + 8), below.clone()))?;
        }
        Ok(())
    }
}

/// What stands beside the name of a series.
fn swatch((x, y): (i32, i32), colour: RGBColor) -> Rectangle<(i32, i32)> {
    Rectangle::new([(x, y - 5), (x + 14, y + 5)], colour.filled())
}

/// Says which colour is whose.
fn name_series<'c, T: CoordTranslate>(
    chart: &mut ChartContext<'c, SVGBackend<'c>, T>,
    position: SeriesLabelPosition,
) -> Result<(), Box<dyn Error>> {
    chart
        .configure_series_labels()
        .position(position)
        .label_font(("sans-serif", LETTERS))
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.2))
        .draw()?;
    Ok(())
}
