//! A metric's keys: those of its kind, then what every metric says about itself.

use super::{Flow, Parts, kinds};
use crate::model::{
    Band, Deprecation, DimensionName, GoodDirection, Metric, MetricVersion, Model, Target,
};

/// Every key but `name` and `tests`.
pub fn metric_parts(model: &Model, metric: &Metric) -> Parts {
    let mut parts = of_version(model, metric);
    parts.flag("private", metric.private);
    parts.flow("deprecated", metric.deprecated.as_ref().map(deprecated));
    parts.maybe("field", metric.field.as_ref());
    let today = of_version(model, metric);
    let versions = metric.versions.iter().map(|earlier| version(model, earlier, &today));
    parts.flows("versions", versions.collect());
    parts
}

/// The keys that a version may have.
fn of_version(model: &Model, metric: &Metric) -> Parts {
    let mut parts = Parts::default();
    parts.text("kind", metric.kind.as_str());
    kinds::add(&mut parts, model, metric);
    parts.maybe("filter", metric.filter.as_ref().map(|filter| &filter.text));
    parts.text("unit", metric.unit.as_str());
    parts.maybe("format", metric.format.as_ref());
    let good = metric.good.map(|good| match good {
        GoodDirection::Up => "up",
        GoodDirection::Down => "down",
    });
    parts.maybe("good", good);
    parts.flows("bands", metric.bands.iter().map(band).collect());
    parts.flows("targets", metric.targets.iter().map(target).collect());
    parts.prose("label", &metric.label);
    parts.prose("description", &metric.description);
    parts.maybe("owner", metric.owner.as_ref());
    parts.list("tags", &metric.tags);
    parts.text("status", &metric.status);
    parts
}

pub(super) fn band(band: &Band) -> Flow {
    Flow::map([
        ("label", Some(Flow::text(&band.label))),
        ("from", band.low.map(Flow::text)),
        ("to", band.high.map(Flow::text)),
        ("source", Some(Flow::text(&band.source))),
        ("only", only(&band.only)),
    ])
}

fn target(target: &Target) -> Flow {
    Flow::map([
        ("value", Some(Flow::text(target.value))),
        ("source", Some(Flow::text(&target.source))),
        ("from", target.from.map(Flow::text)),
        ("to", target.to.map(Flow::text)),
        ("grain", target.grain.map(|grain| Flow::text(grain.as_str().to_lowercase()))),
        ("only", only(&target.only)),
    ])
}

fn only(slice: &[(DimensionName, String)]) -> Option<Flow> {
    Flow::pairs(slice.iter().map(|(dimension, value)| (dimension, value)))
}

fn deprecated(deprecation: &Deprecation) -> Flow {
    Flow::map([
        ("reason", Some(Flow::text(&deprecation.reason))),
        ("replacement", deprecation.replacement.as_ref().map(Flow::text)),
        ("removed_after", deprecation.removed_after.map(Flow::text)),
    ])
}

/// When it ended, why, and the keys that were different; an empty key was not there.
fn version(model: &Model, earlier: &MetricVersion, today: &Parts) -> Flow {
    let then = of_version(model, &earlier.metric);
    let mut entries = vec![
        ("until", Some(Flow::text(earlier.until))),
        ("because", earlier.because.as_ref().map(Flow::text)),
    ];
    let changed = today.differing(&then).into_iter();
    entries.extend(changed.map(|(key, _, was)| (key, Some(was.cloned().unwrap_or(Flow::Empty)))));
    Flow::map(entries)
}
