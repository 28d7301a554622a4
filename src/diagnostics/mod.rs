//! What is wrong with definitions and where: codes, spans, severities and how they are written
//! out for people, editors and CI. Imports `error`, for the nearest name.
//!
//! A [`Diagnostics`] carries the texts it points into, so that it can render itself anywhere.

mod code;
mod diagnostic;
mod explain;
mod human;
mod machine;
mod source;

pub use crate::error::nearest;
pub use code::{Code, Severity};
pub use diagnostic::{Diagnostic, Diagnostics, Format};
pub use source::{Position, SourceFile, SourceId, Sources, Span};
