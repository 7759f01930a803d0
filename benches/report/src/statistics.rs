//! Medians and percentiles.

/// The value below which `share` (0 to 1) of `values` lie, not a number for none; `values` get sorted.
#[must_use]
pub fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let index = (last as f64 * share).round() as usize;
    values.get(index).copied().unwrap_or(f64::NAN)
}

/// The middle of `values`, which get sorted.
#[must_use]
pub fn median(values: &mut [f64]) -> f64 {
    percentile(values, 0.5)
}

/// `median (least-most)`, or `-` for nothing.
#[must_use]
pub fn spread(values: impl Iterator<Item = f64>, digits: usize) -> String {
    let mut values: Vec<f64> = values.collect();
    let middle = median(&mut values);
    match (values.first(), values.last()) {
        (None, _) => "-".into(),
        (Some(least), Some(most)) if values.len() > 1 => {
            format!("{middle:.digits$} ({least:.digits$}-{most:.digits$})")
        }
        _ => format!("{middle:.digits$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_pick_measured_values() {
        let mut values = vec![5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(percentile(&mut values, 0.0), 1.0);
        assert_eq!(median(&mut values), 3.0);
        assert_eq!(percentile(&mut values, 1.0), 5.0);
        assert!(median(&mut []).is_nan());
    }

    #[test]
    fn spread_shows_the_ends_of_several_values() {
        assert_eq!(spread([2.0, 1.0, 3.0].into_iter(), 0), "2 (1-3)");
        assert_eq!(spread([2.04].into_iter(), 1), "2.0");
        assert_eq!(spread([].into_iter(), 1), "-");
    }
}
