//! A metric: what it is, how it is computed, how it is judged, what it was, where it comes from.

use super::{Page, indent};
use crate::model::{
    Band, Deprecation, DimensionName, GoodDirection, Metric, MetricVersion, Model, Target,
};

pub fn page(model: &Model, metric: &Metric) -> String {
    let mut page =
        Page::titled(&format!("{} ({})", metric.name, metric.label), &metric.description);
    page.line("kind", metric.kind.as_str());
    page.line("unit", metric.unit.as_str());
    page.maybe("format", metric.format.as_ref());
    page.line("formula", &metric.formula);
    page.maybe("filter", metric.filter.as_ref().map(|filter| &filter.text));
    page.maybe("variant of", metric.variant_of().map(ToString::to_string));
    page.list("variants", model.variants_of(&metric.name).map(|variant| &variant.name));
    page.line("adds up", &metric.additive);
    judged(&mut page, metric);
    page.maybe("field", metric.field.as_ref());
    page.maybe("owner", metric.owner.as_ref());
    page.list("tags", &metric.tags);
    page.line("status", &metric.status);
    page.maybe("private", metric.private.then_some("only for use by other definitions"));
    page.maybe("deprecated", metric.deprecated.as_ref().map(deprecated));
    page.lines("versions", metric.versions.iter().flat_map(version));
    page.list("dimensions", &metric.dimensions);
    page.list("lineage", metric.lineage.iter().map(|(table, column)| format!("{table}.{column}")));
    page.place(&metric.source);
    format!("{}\n\n{}", page.0, indent(&metric.definition))
}

/// Which way is good, which ranges have a word, and what is to be reached.
fn judged(page: &mut Page, metric: &Metric) {
    let good = metric.good.map(|good| match good {
        GoodDirection::Up => "up",
        GoodDirection::Down => "down",
    });
    page.maybe("good", good);
    page.lines("bands", metric.bands.iter().map(band));
    page.lines("targets", metric.targets.iter().map(target));
}

fn band(band: &Band) -> String {
    let range = match (band.low, band.high) {
        (Some(low), Some(high)) => format!("from {low} to below {high}"),
        (Some(low), None) => format!("from {low}"),
        (None, Some(high)) => format!("below {high}"),
        (None, None) => "any value".to_owned(),
    };
    format!("{}: {range}{} (source: {})", band.label, slice(&band.only), band.source)
}

fn target(target: &Target) -> String {
    let days = match (target.from, target.to) {
        (Some(from), Some(to)) => format!(", from {from} to before {to}"),
        (Some(from), None) => format!(", from {from}"),
        (None, Some(to)) => format!(", before {to}"),
        (None, None) => String::new(),
    };
    let rows = target.grain.map(|grain| format!(" by {}", grain.as_str().to_lowercase()));
    let rows = rows.unwrap_or_default();
    format!("{}{rows}{days}{} (source: {})", target.value, slice(&target.only), target.source)
}

fn slice(only: &[(DimensionName, String)]) -> String {
    let parts = only.iter().map(|(dimension, value)| format!(", {dimension} = {value}"));
    parts.collect::<Vec<_>>().concat()
}

fn deprecated(deprecation: &Deprecation) -> String {
    let why = deprecation.reason.trim().trim_end_matches('.');
    let instead = deprecation.replacement.as_ref().map(|name| format!("; use {name}"));
    let until = deprecation.removed_after.map(|day| format!("; gone after {day}"));
    format!("{why}{}{}", instead.unwrap_or_default(), until.unwrap_or_default())
}

/// Until when it held and why no longer, and what it was.
fn version(version: &MetricVersion) -> Vec<String> {
    let because = version.because.as_ref().map(|why| format!(" ({why})"));
    vec![
        format!("until {}{}:", version.until, because.unwrap_or_default()),
        format!("  {} = {}", version.metric.label, version.metric.formula),
    ]
}
