//! Exact arithmetic of a flat table's columns.

use crate::planner::{Formula, Measure};
use crate::values::Number;

/// Evaluates a formula; null wherever a part is null or a divisor zero.
pub fn evaluate(
    formula: &Formula,
    value: &impl Fn(usize, Measure) -> Option<Number>,
) -> Option<Number> {
    match formula {
        Formula::Measure { leaf, measure } => value(*leaf, *measure),
        Formula::Constant(constant, 0) => Some(Number::Int(*constant)),
        Formula::Constant(constant, scale) => Some(Number::Decimal(*constant, *scale)),
        Formula::Add(a, b) => evaluate(a, value)?.add(&evaluate(b, value)?),
        Formula::Sub(a, b) => evaluate(a, value)?.sub(&evaluate(b, value)?),
        Formula::Mul(a, b) => evaluate(a, value)?.mul(&evaluate(b, value)?),
        Formula::Div(a, b) => evaluate(a, value)?.div(&evaluate(b, value)?),
        Formula::Neg(inner) => Number::Int(0).sub(&evaluate(inner, value)?),
    }
}

/// The three columns of a comparison: previous, change, change ratio (null at 0).
#[must_use]
pub fn comparison(current: Option<&Number>, previous: Option<Number>) -> [Option<Number>; 3] {
    let change = current.zip(previous.as_ref()).and_then(|(now, before)| now.sub(before));
    let ratio = change
        .as_ref()
        .zip(previous.as_ref())
        .and_then(|(change, before)| change.div(&before.abs()));
    [previous, change, ratio]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_from_zero_has_no_ratio() {
        let zero = Some(Number::Decimal(0, 2));
        let [_, change, ratio] = comparison(Some(&Number::Decimal(500, 2)), zero);
        assert_eq!((change, ratio), (Some(Number::Decimal(500, 2)), None));
    }

    #[test]
    fn changes_of_ratios_are_exact() {
        let now = Number::fraction(105, 100).unwrap();
        let [_, change, ratio] = comparison(Some(&now), Number::fraction(102, 100));
        assert_eq!(change.unwrap().to_f64(), 0.03);
        assert_eq!(ratio.unwrap().to_f64(), 3.0 / 102.0);
    }

    #[test]
    fn a_loss_halved_is_a_positive_change_over_its_size() {
        let before = Some(Number::Decimal(-200, 2));
        let [_, change, ratio] = comparison(Some(&Number::Decimal(-100, 2)), before);
        assert_eq!(change, Some(Number::Decimal(100, 2)));
        assert_eq!(ratio.unwrap().to_f64(), 0.5);
    }
}
