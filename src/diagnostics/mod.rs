//! What is wrong with definitions and where: codes, spans, severities and how they are written
//! out for people, editors and CI. A leaf: imports no other room.
//!
//! A [`Diagnostics`] carries the texts it points into, so that it can render itself anywhere.

mod code;
mod diagnostic;
mod explain;
mod human;
mod machine;
mod source;

pub use code::{Code, Severity};
pub use diagnostic::{Diagnostic, Diagnostics, Format};
pub use source::{Position, SourceFile, SourceId, Sources, Span};

/// The candidate closest to `wanted`, if any is close enough to be meant.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wanted.to_lowercase();
    candidates
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.len().max(wanted.len()) / 3).max(2))
        .min_by_key(|(distance, name)| (*distance, name.len()))
        .map(|(_, name)| name)
}
