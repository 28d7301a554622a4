//! Having and order of a flat table's rows.

use std::cmp::Ordering;

use crate::model::DimensionName;
use crate::planner::{MetricQuery, Nulls, OrderBy, Test, column_keys};
use crate::values::{Number, Scalar};

use super::Row;

/// Whether a row passes every test; `keys` name its numbers.
pub fn passes(having: &[(String, Test)], keys: &[String], numbers: &[Option<Number>]) -> bool {
    having.iter().all(|(key, test)| {
        let number = keys.iter().position(|known| known == key).and_then(|at| numbers[at].as_ref());
        passes_number(test, number)
    })
}

fn passes_number(test: &Test, number: Option<&Number>) -> bool {
    let compared = |wanted: &Scalar| -> Option<Ordering> {
        number.zip(number_of(wanted)).map(|(number, wanted)| number.compare(&wanted))
    };
    let is = |wanted: &Scalar| compared(wanted) == Some(Ordering::Equal);
    match test {
        Test::Eq(wanted) => is(wanted),
        Test::Ne(wanted) => !is(wanted),
        Test::In(wanted) => wanted.iter().any(is),
        Test::NotIn(wanted) => !wanted.iter().any(is),
        Test::IsNull(wanted) => number.is_none() == *wanted,
        Test::Lt(wanted) => compared(wanted).is_some_and(Ordering::is_lt),
        Test::Lte(wanted) => compared(wanted).is_some_and(Ordering::is_le),
        Test::Gt(wanted) => compared(wanted).is_some_and(Ordering::is_gt),
        Test::Gte(wanted) => compared(wanted).is_some_and(Ordering::is_ge),
        Test::Contains(_) | Test::StartsWith(_) => false,
    }
}

fn number_of(value: &Scalar) -> Option<Number> {
    match value {
        Scalar::Int(value) => Some(Number::Int((*value).into())),
        Scalar::Decimal(value, scale) => Some(Number::Decimal(*value, *scale)),
        Scalar::Float(value) => Some(Number::Float(*value)),
        _ => None,
    }
}

/// Sorts rows as asked; ties and unasked rows stay by period and groups.
pub fn order_rows(rows: &mut [Row], order_by: &[OrderBy], query: &MetricQuery) {
    let dimensions: Vec<&DimensionName> = query.group_by.iter().collect();
    let crate::planner::Ask::Table(table) = &query.ask else { return };
    let keys = column_keys(query, table);
    let lead = usize::from(query.grain.is_some()) + dimensions.len();
    rows.sort_by(|a, b| {
        order_by
            .iter()
            .map(|order| {
                let place = keys.iter().position(|key| *key == order.by).unwrap_or(0);
                compare(a, b, order, (place, lead, query.grain.is_some()))
            })
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
}

fn compare(
    a: &Row,
    b: &Row,
    order: &OrderBy,
    (place, lead, has_period): (usize, usize, bool),
) -> Ordering {
    let direction =
        |ordering: Ordering| if order.descending { ordering.reverse() } else { ordering };
    let nulls = |null: (bool, bool), otherwise: &dyn Fn() -> Ordering| match null {
        (true, true) => Ordering::Equal,
        (false, false) => direction(otherwise()),
        (a_is_null, _) => {
            let first = order.nulls == Some(Nulls::First);
            if a_is_null == first { Ordering::Less } else { Ordering::Greater }
        }
    };
    if has_period && place == 0 {
        return direction(a.period.start.cmp(&b.period.start));
    }
    if place < lead {
        let at = place - usize::from(has_period);
        let (a, b) = (&a.group[at], &b.group[at]);
        return nulls((a.is_null(), b.is_null()), &|| a.total_cmp(b));
    }
    let (a, b) = (a.numbers[place - lead].as_ref(), b.numbers[place - lead].as_ref());
    nulls((a.is_none(), b.is_none()), &|| match (a, b) {
        (Some(a), Some(b)) => a.compare(b),
        _ => Ordering::Equal,
    })
}
