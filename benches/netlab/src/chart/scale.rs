//! From values to places on an axis, and the values that get a tick.

/// How values are spread over an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    Linear,
    /// Only values above 0 have a place.
    Logarithmic,
}

/// Ticks of a linear axis, about.
const TICKS: f64 = 6.0;
/// Below so many decades, a logarithmic axis has ticks at 2 and 5 as well, and below fewer at all
/// nine steps of a decade.
const DECADES_FEW: [f64; 2] = [2.5, 1.05];

/// An axis whose range is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    scale: Scale,
    least: f64,
    most: f64,
}

impl Span {
    /// Holds `values` and ends at ticks, or is `range` if that is given.
    pub(super) fn new(
        scale: Scale,
        range: Option<(f64, f64)>,
        values: impl Iterator<Item = f64>,
    ) -> Self {
        if let Some((least, most)) = range {
            return Self { scale, least, most };
        }
        let placed = values.filter(|value| scale == Scale::Linear || *value > 0.0);
        let (least, most) = placed.fold((f64::MAX, f64::MIN), |(least, most), value| {
            (least.min(value), most.max(value))
        });
        if least > most {
            return Self::new(scale, Some((1.0, 10.0)), std::iter::empty());
        }
        match scale {
            Scale::Linear => {
                let least = least.min(0.0);
                let most = if most > least { most } else { least + 1.0 };
                let step = step(most - least);
                let most = (most / step).ceil() * step;
                Self { scale, least, most }
            }
            Scale::Logarithmic => {
                let (least, most) = (round_log(least, false), round_log(most * 1.01, true));
                Self { scale, least, most }
            }
        }
    }

    /// Where `value` is, 0 to 1; `None` outside.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let part = match self.scale {
            Scale::Linear => (value - self.least) / (self.most - self.least),
            Scale::Logarithmic => (value / self.least).ln() / (self.most / self.least).ln(),
        };
        (-1e-9..=1.0 + 1e-9).contains(&part).then_some(part)
    }

    /// The nearest value that is not outside.
    pub(super) fn clamp(&self, value: f64) -> f64 {
        value.clamp(self.least, self.most)
    }

    /// Values with a tick, from the least to the most.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let ticks: Vec<f64> = match self.scale {
            Scale::Linear => {
                let step = step(self.most - self.least);
                let first = (self.least / step).ceil() as i64;
                let last = (self.most / step + 1e-9).floor() as i64;
                (first..=last).map(|tick| tick as f64 * step).collect()
            }
            Scale::Logarithmic => {
                let decades = (self.most / self.least).log10();
                let steps: &[f64] = if decades < DECADES_FEW[1] {
                    &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
                } else if decades < DECADES_FEW[0] {
                    &[1.0, 2.0, 5.0]
                } else {
                    &[1.0]
                };
                let first = self.least.log10().floor() as i32;
                let last = self.most.log10().ceil() as i32;
                let decade = |power: i32| steps.iter().map(move |step| step * 10_f64.powi(power));
                (first..=last).flat_map(decade).collect()
            }
        };
        let inside = |tick: &f64| self.place(*tick).is_some();
        ticks.into_iter().filter(inside).collect()
    }
}

/// 1, 2 or 5 times a power of ten that gives about [`TICKS`] ticks.
fn step(length: f64) -> f64 {
    let rough = length / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|factor| factor * power);
    let fits = steps.into_iter().find(|step| *step >= rough * 0.8);
    fits.unwrap_or(10.0 * power)
}

/// The next of 1, 2, 5 times a power of ten.
fn round_log(value: f64, up: bool) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let found = if up {
        steps.into_iter().find(|step| *step >= value)
    } else {
        steps.into_iter().rev().find(|step| *step <= value)
    };
    found.unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_axis_begins_at_zero_and_ends_at_a_tick() {
        let span = Span::new(Scale::Linear, None, [3.0, 47.0].into_iter());
        assert_eq!(span.ticks(), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
        assert_eq!(span.place(25.0), Some(0.5));
        assert_eq!(span.place(51.0), None);
    }

    #[test]
    fn a_logarithmic_axis_has_ticks_between_few_decades() {
        let span = Span::new(Scale::Logarithmic, None, [25.0, 90.0].into_iter());
        assert_eq!(span.ticks().len(), 9);
        let span = Span::new(Scale::Logarithmic, None, [25.0, 900.0].into_iter());
        assert_eq!(span.ticks(), [20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]);
        assert_eq!(span.place(0.0), None);
        let range = Some((1e-4, 1.0));
        let long = Span::new(Scale::Logarithmic, range, std::iter::empty());
        assert_eq!(long.ticks().len(), 5);
        assert!((long.place(1e-2).unwrap() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn an_axis_without_values_is_an_axis_all_the_same() {
        for scale in [Scale::Linear, Scale::Logarithmic] {
            let span = Span::new(scale, None, std::iter::empty());
            assert!(!span.ticks().is_empty());
        }
        let flat = Span::new(Scale::Linear, None, [0.0].into_iter());
        assert!(flat.ticks().len() > 1);
    }
}
