//! Bands, targets and days of metrics.

use chrono::NaiveDate;

use super::Resolver;
use crate::definitions::metric::{GrainWord, TargetDef};
use crate::definitions::{BandDef, Mapping, Text};
use crate::diagnostics::{Code, Diagnostic};
use crate::model::{Band, DimensionName, Target};
use crate::values::Grain;

impl Resolver<'_> {
    pub(super) fn bands(&mut self, written: &[BandDef]) -> Vec<Band> {
        let mut bands: Vec<Band> = Vec::new();
        for def in written {
            let low = def.from.as_ref().or(def.above.as_ref()).map(|end| end.value);
            let high = def.to.as_ref().or(def.below.as_ref()).map(|end| end.value);
            let twice = (def.from.is_some() && def.above.is_some())
                || (def.to.is_some() && def.below.is_some());
            let only = self.slice(&def.only);
            let empty = low.zip(high).is_some_and(|(low, high)| low >= high);
            if twice || empty || (low.is_none() && high.is_none()) {
                let message = format!("the band `{}` is not a range [from, to)", def.label);
                let found = Diagnostic::new(Code::InvalidValue, def.span, message);
                self.out.push(found.help("write `from` (or `above`) and `to` (or `below`)"));
                continue;
            }
            let band =
                Band { label: def.label.clone(), low, high, source: def.source.clone(), only };
            if let Some(other) = bands.iter().find(|other| overlap(other, &band)) {
                let message = format!("the bands `{}` and `{}` overlap", other.label, band.label);
                self.report(Code::BandOverlap, def.span, message);
            }
            bands.push(band);
        }
        bands
    }

    pub(super) fn targets(&mut self, written: &[TargetDef]) -> Vec<Target> {
        let mut targets: Vec<Target> = Vec::new();
        for def in written {
            let mut only = self.slice(&def.only);
            only.sort();
            let from = def.from.as_ref().and_then(|text| self.day(text));
            let to = def.to.as_ref().and_then(|text| self.day(text));
            if from.zip(to).is_some_and(|(from, to)| from >= to) {
                self.report(Code::InvalidValue, def.span, "a target ends before it starts");
                continue;
            }
            let grain = def.grain.map(|word| match word {
                GrainWord::Day => Grain::Day,
                GrainWord::Week => Grain::Week,
                GrainWord::Month => Grain::Month,
                GrainWord::Quarter => Grain::Quarter,
                GrainWord::Year => Grain::Year,
            });
            let (value, source) = (def.value.value, def.source.clone());
            let target = Target { value, source, from, to, grain, only };
            if targets.iter().any(|other| meet(other, &target)) {
                let message = "two targets of one slice and grain hold on one day";
                self.report(Code::TargetOverlap, def.span, message);
            }
            targets.push(target);
        }
        targets
    }

    fn slice(&mut self, only: &Mapping<Text>) -> Vec<(DimensionName, String)> {
        only.iter()
            .filter_map(|(name, value)| Some((self.dimension_name(name)?, value.value.clone())))
            .collect()
    }

    pub(super) fn day(&mut self, text: &Text) -> Option<NaiveDate> {
        let day = text.value.parse().ok();
        if day.is_none() {
            let message = format!("`{}` is not a day", text.value);
            let found = Diagnostic::new(Code::InvalidValue, text.span, message);
            self.out.push(found.help("write it as 2026-01-31"));
        }
        day
    }
}

/// Whether two targets are for the same rows on some day.
fn meet(a: &Target, b: &Target) -> bool {
    let starts_before_end = |from: Option<NaiveDate>, to: Option<NaiveDate>| {
        from.zip(to).is_none_or(|(from, to)| from < to)
    };
    (a.grain == b.grain && a.only == b.only)
        && (starts_before_end(a.from, b.to) && starts_before_end(b.from, a.to))
}

fn overlap(a: &Band, b: &Band) -> bool {
    let starts_before_end = |low: Option<f64>, high: Option<f64>| match (low, high) {
        (Some(low), Some(high)) => low < high,
        _ => true,
    };
    a.only == b.only && starts_before_end(a.low, b.high) && starts_before_end(b.low, a.high)
}
