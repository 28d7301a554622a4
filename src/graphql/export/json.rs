//! The table as one JSON object, as GraphQL has it: columns, rows as flat objects, totals if asked,
//! what the values are judged by, provenance.

use std::sync::Arc;

use crate::engine::{Answer, TableAnswer};
use crate::error::ApiResult;

use super::super::answers::{self, Selecting};

const FIELDS: [&str; 7] =
    ["columns", "rows", "totals", "rowCount", "truncated", "marks", "provenance"];

pub(super) fn write(
    selecting: Selecting<'_>,
    answer: &Arc<Answer>,
    table: &TableAnswer,
) -> ApiResult<Vec<u8>> {
    let mut names = FIELDS.to_vec();
    names.retain(|name| *name != "totals" || table.totals.is_some());
    let fields = selecting.whole("MetricTable", &names).map_err(|failed| failed.error)?;
    let mut body = Vec::new();
    answers::write(&fields, answer, &mut body).map_err(|failed| failed.error)?;
    Ok(body)
}
