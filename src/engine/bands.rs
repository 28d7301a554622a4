//! Interpretation bands: the word for a value, for the slice it is in.

use crate::model::{Band, Metric};
use crate::values::{Number, Scalar};

use super::{BandHit, Group};

/// The band that a value falls into: `[low, high)`, the most specific slice first.
#[must_use]
pub fn band_of(metric: &Metric, value: Option<&Number>, group: &Group) -> Option<BandHit> {
    let value = value?.to_f64();
    metric
        .bands
        .iter()
        .filter(|band| holds(band, value) && is_for(band, group))
        .max_by_key(|band| band.only.len())
        .map(|band| BandHit {
            label: band.label.clone(),
            low: band.low,
            high: band.high,
            source: band.source.clone(),
        })
}

fn holds(band: &Band, value: f64) -> bool {
    band.low.is_none_or(|low| low <= value) && band.high.is_none_or(|high| value < high)
}

fn is_for(band: &Band, group: &Group) -> bool {
    band.only.iter().all(|(dimension, wanted)| {
        group.iter().any(|(name, value)| {
            name == dimension && matches!(value, Scalar::Text(text) if text.as_ref() == wanted)
        })
    })
}
