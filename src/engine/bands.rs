//! Interpretation bands: the word for a value, for the slice it is in, and how good that is.

use crate::model::{Band, GoodDirection, Metric};
use crate::values::{Number, Scalar};

use super::{BandHit, Group, Standing};

/// The band that a value falls into: `[low, high)`, the most specific slice first.
#[must_use]
pub fn band_of(metric: &Metric, value: Option<&Number>, group: &Group) -> Option<BandHit> {
    let band = find(&metric.bands, value?.to_f64(), group)?;
    Some(hit(&metric.bands, band, metric.good))
}

/// All bands of a metric, as written.
#[must_use]
pub fn bands_of(metric: &Metric) -> Vec<BandHit> {
    metric.bands.iter().map(|band| hit(&metric.bands, band, metric.good)).collect()
}

fn find<'b>(bands: &'b [Band], value: f64, group: &Group) -> Option<&'b Band> {
    let fitting = bands.iter().filter(|band| holds(band, value) && is_for(band, group));
    fitting.max_by_key(|band| band.only.len())
}

fn hit(bands: &[Band], band: &Band, good: Option<GoodDirection>) -> BandHit {
    BandHit {
        label: band.label.clone(),
        low: band.low,
        high: band.high,
        source: band.source.clone(),
        standing: good.map(|good| standing(bands, band, good)),
    }
}

/// By place among the bands of the same slice, counted from the worst: the worst of several is bad,
/// the better half is good, what lies between is to be watched. A band that stands alone is one to
/// be in.
fn standing(bands: &[Band], band: &Band, good: GoodDirection) -> Standing {
    let low = |band: &Band| band.low.unwrap_or(f64::NEG_INFINITY);
    let peers = || bands.iter().filter(|peer| peer.only == band.only);
    let worse = peers().filter(|peer| match good {
        GoodDirection::Up => low(peer) < low(band),
        GoodDirection::Down => low(peer) > low(band),
    });
    match (worse.count(), peers().count()) {
        (_, 1) => Standing::Good,
        (0, _) => Standing::Bad,
        (worse, count) if 2 * worse >= count => Standing::Good,
        _ => Standing::Watch,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DimensionName;

    fn band(label: &str, low: Option<f64>, high: Option<f64>) -> Band {
        Band { label: label.into(), low, high, source: "book".into(), only: Vec::new() }
    }

    fn standings(bands: &[Band], good: GoodDirection) -> Vec<Standing> {
        bands.iter().map(|band| standing(bands, band, good)).collect()
    }

    /// The book's bands of NRR, and the same of a metric that should fall.
    #[test]
    fn the_worst_is_bad_and_the_better_half_good() {
        use Standing::{Bad, Good, Watch};
        let book = [
            band("problem", None, Some(0.9)),
            band("retention without net expansion", Some(0.9), Some(1.0)),
            band("good", Some(1.0), Some(1.1)),
            band("excellent", Some(1.1), None),
        ];
        assert_eq!(standings(&book, GoodDirection::Up), [Bad, Watch, Good, Good]);
        assert_eq!(standings(&book, GoodDirection::Down), [Good, Good, Watch, Bad]);
        let two = [band("low", None, Some(0.2)), band("high", Some(0.2), None)];
        assert_eq!(standings(&two, GoodDirection::Up), [Bad, Good]);
        let one = [band("on target", Some(0.3), None)];
        assert_eq!(standings(&one, GoodDirection::Down), [Good]);
        assert_eq!(hit(&one, &one[0], None).standing, None);
    }

    #[test]
    fn bands_are_half_open_and_the_slice_s_own_counts_first() {
        let segment = DimensionName::new("segment");
        let only = vec![(segment.clone(), "SMB".to_owned())];
        let bands = [
            band("below", None, Some(1.0)),
            band("from", Some(1.0), None),
            Band { only, ..band("enough for SMB", Some(0.8), None) },
        ];
        let label = |value, group: &Group| find(&bands, value, group).map(|found| &*found.label);
        let everybody = Vec::new();
        assert_eq!(label(0.999, &everybody), Some("below"));
        assert_eq!(label(1.0, &everybody), Some("from"));
        let smb = vec![(segment, Scalar::text("SMB"))];
        assert_eq!(label(0.8, &smb), Some("enough for SMB"));
        assert_eq!(label(0.7, &smb), Some("below"));
        assert_eq!(standing(&bands, &bands[2], GoodDirection::Up), Standing::Good);
    }
}
