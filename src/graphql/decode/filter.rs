//! `where` → predicates, and the tests of `having`.

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Value};

use crate::error::{ApiError, ApiResult, ErrorCode, did_you_mean};
use crate::model::{Dimension, DimensionName, DimensionType, Model};
use crate::planner::{Predicate, Test};
use crate::values::{Calendar, Scalar};

use super::args::{bad, flag, items, text, whole};
use super::dates;

const COMMON: [&str; 5] = ["eq", "ne", "in", "notIn", "isNull"];
const ORDERED: [&str; 4] = ["lt", "lte", "gt", "gte"];
const TEXTS: [&str; 2] = ["contains", "startsWith"];

/// The predicate of a `Where` object; none where it holds no condition.
pub(super) fn predicate(model: &Model, value: &Value, at: &str) -> ApiResult<Option<Predicate>> {
    let mut all = Vec::new();
    let place = at;
    for (key, value) in present(object(value, at)?) {
        let at = format!("{at}.{key}");
        match key.as_str() {
            "and" => all.extend(branches(model, value, &at)?.into_iter().flatten()),
            "or" => all.extend(any(branches(model, value, &at)?, &at)?),
            "not" => {
                let inner = predicate(model, value, &at)?;
                all.extend(inner.map(|inner| Predicate::Not(Box::new(inner))));
            }
            name => {
                let dimension =
                    model.dimensions.get(name).ok_or_else(|| unknown(model, name, place))?;
                let tests = dimension_tests(dimension, value, model.calendar, &at)?;
                all.extend(
                    tests
                        .into_iter()
                        .map(|test| Predicate::Test { dimension: dimension.name.clone(), test }),
                );
            }
        }
    }
    Ok(if all.len() > 1 { Some(Predicate::All(all)) } else { all.pop() })
}

fn branches(model: &Model, value: &Value, at: &str) -> ApiResult<Vec<Option<Predicate>>> {
    items(value, at).into_iter().map(|(at, branch)| predicate(model, branch, &at)).collect()
}

/// At least one branch; a branch without conditions always holds.
fn any(branches: Vec<Option<Predicate>>, at: &str) -> ApiResult<Option<Predicate>> {
    if branches.is_empty() {
        let message =
            format!("`{at}` is empty: nothing could match. Leave it out for no condition.");
        return Err(bad(message));
    }
    Ok(branches.into_iter().collect::<Option<Vec<_>>>().map(Predicate::Any))
}

fn dimension_tests(
    dimension: &Dimension,
    value: &Value,
    calendar: Calendar,
    at: &str,
) -> ApiResult<Vec<Test>> {
    let mut known = COMMON.to_vec();
    if dimension.data_type.is_ordered() {
        known.extend(ORDERED);
    }
    if dimension.data_type == DimensionType::Text {
        known.extend(TEXTS);
    }
    tests(value, at, &known, &|value, at| scalar(dimension.data_type, value, calendar, at))
}

/// The tests of a column of numbers, for `having`.
pub(super) fn number_tests(value: &Value, at: &str) -> ApiResult<Vec<Test>> {
    let known = [COMMON.as_slice(), ORDERED.as_slice()].concat();
    tests(value, at, &known, &|value, at| decimal(value, at))
}

type ReadScalar<'r> = &'r dyn Fn(&Value, &str) -> ApiResult<Scalar>;

fn tests(value: &Value, at: &str, known: &[&str], read: ReadScalar<'_>) -> ApiResult<Vec<Test>> {
    let fields = object(value, at)?;
    present(fields)
        .map(|(operator, value)| {
            let operator = operator.as_str();
            if !known.contains(&operator) {
                let hint = did_you_mean(operator, known.iter().copied());
                let message = format!(
                    "`{at}` has no operator `{operator}`. It has {}.{hint}",
                    known.join(", ")
                );
                return Err(bad(message));
            }
            test(operator, value, &format!("{at}.{operator}"), read)
        })
        .collect()
}

fn test(operator: &str, value: &Value, at: &str, read: ReadScalar<'_>) -> ApiResult<Test> {
    let one = || read(value, at);
    let many = || {
        let items = items(value, at).into_iter();
        items.map(|(at, item)| read(item, &at)).collect::<ApiResult<Vec<_>>>()
    };
    Ok(match operator {
        "eq" => Test::Eq(one()?),
        "ne" => Test::Ne(one()?),
        "in" => Test::In(many()?),
        "notIn" => Test::NotIn(many()?),
        "lt" => Test::Lt(one()?),
        "lte" => Test::Lte(one()?),
        "gt" => Test::Gt(one()?),
        "gte" => Test::Gte(one()?),
        "contains" => Test::Contains(text(value, at)?),
        "startsWith" => Test::StartsWith(text(value, at)?),
        _ => Test::IsNull(flag(value, at)?),
    })
}

fn scalar(ty: DimensionType, value: &Value, calendar: Calendar, at: &str) -> ApiResult<Scalar> {
    Ok(match ty {
        DimensionType::Text => Scalar::text(text(value, at)?),
        DimensionType::Int => Scalar::Int(whole(value, at)?),
        DimensionType::Decimal => decimal(value, at)?,
        DimensionType::Float => Scalar::Float(float(value, at)?),
        DimensionType::Bool => Scalar::Bool(flag(value, at)?),
        DimensionType::Date => Scalar::Date(dates::day(value, calendar, at)?),
        DimensionType::Timestamp => Scalar::Timestamp(dates::instant(value, calendar, at)?),
    })
}

fn float(value: &Value, at: &str) -> ApiResult<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64().filter(|number| number.is_finite()),
        _ => None,
    };
    number.ok_or_else(|| bad(format!("`{at}` must be a number.")))
}

/// A number to the digit, written as a number or as a text.
fn decimal(value: &Value, at: &str) -> ApiResult<Scalar> {
    let written = match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.trim().to_owned()),
        _ => None,
    };
    written
        .and_then(|text| exact(&text))
        .map(|(units, scale)| match scale {
            0 => i64::try_from(units).map_or(Scalar::Decimal(units, 0), Scalar::Int),
            _ => Scalar::Decimal(units, scale),
        })
        .ok_or_else(|| bad(format!("`{at}` must be a number of at most 38 digits.")))
}

/// `-12.50` is (-1250, 2), `1.5e3` is (1500, 0).
fn exact(text: &str) -> Option<(i128, u8)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 38 || !digits.bytes().all(|digit| digit.is_ascii_digit())
    {
        return None;
    }
    let units = digits.parse::<i128>().ok()? * sign;
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    if scale < 0 {
        let factor = 10i128.checked_pow(scale.unsigned_abs())?;
        return Some((units.checked_mul(factor)?, 0));
    }
    Some((units, u8::try_from(scale).ok().filter(|scale| *scale <= 38)?))
}

pub(super) fn object<'v>(value: &'v Value, at: &str) -> ApiResult<&'v IndexMap<Name, Value>> {
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(bad(format!("`{at}` must be an object."))),
    }
}

/// Fields that are not null.
pub(super) fn present(fields: &IndexMap<Name, Value>) -> impl Iterator<Item = (&Name, &Value)> {
    fields.iter().filter(|(_, value)| **value != Value::Null)
}

fn unknown(model: &Model, name: &str, at: &str) -> ApiError {
    let names = model.dimensions.keys().map(DimensionName::as_str).chain(["and", "or", "not"]);
    let hint = did_you_mean(name, names);
    let message = format!("`{at}`: dimension `{name}` is not defined.{hint}");
    ApiError::new(ErrorCode::UnknownDimension, message)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::model;
    use super::super::super::variables::from_json;
    use super::*;

    fn decode(json: &str) -> ApiResult<Option<Predicate>> {
        predicate(&model(), &from_json(&serde_json::from_str(json).unwrap()), "where")
    }

    fn test_of(dimension: &str, test: Test) -> Predicate {
        Predicate::Test { dimension: DimensionName::new(dimension), test }
    }

    #[test]
    fn null_and_absent_mean_no_condition() {
        for json in [
            "{}",
            r#"{"segment": null}"#,
            r#"{"segment": {"eq": null}}"#,
            r#"{"and": [], "not": {"segment": {"in": null}}}"#,
            r#"{"or": [{"segment": {"eq": null}}, {"segment": {"eq": "SMB"}}]}"#,
        ] {
            assert_eq!(decode(json).unwrap(), None, "{json}");
        }
    }

    #[test]
    fn fields_of_one_object_are_anded_and_single_values_are_lists_of_one() {
        let both = decode(r#"{"segment": {"in": "SMB", "ne": "x"}, "not": {"seats": {"gt": 3}}}"#);
        let expected = Predicate::All(vec![
            test_of("segment", Test::In(vec![Scalar::text("SMB")])),
            test_of("segment", Test::Ne(Scalar::text("x"))),
            Predicate::Not(Box::new(test_of("seats", Test::Gt(Scalar::Int(3))))),
        ]);
        assert_eq!(both.unwrap(), Some(expected));
        let nothing = decode(r#"{"segment": {"in": []}}"#).unwrap();
        assert_eq!(nothing, Some(test_of("segment", Test::In(vec![]))));
    }

    #[test]
    fn values_are_of_the_dimensions_type() {
        let day = chrono::NaiveDate::from_ymd_opt(2026, 1, 2).unwrap();
        let found = decode(r#"{"acquired_on": {"lt": "2026-01-02"}}"#).unwrap();
        assert_eq!(found, Some(test_of("acquired_on", Test::Lt(Scalar::Date(day)))));
        let found = decode(r#"{"list_price": {"gte": 12.50}}"#).unwrap();
        assert_eq!(found, Some(test_of("list_price", Test::Gte(Scalar::Decimal(1250, 2)))));
    }

    #[test]
    fn mistakes_name_the_place() {
        for (json, place) in [
            (r#"{"or": []}"#, "where.or"),
            (r#"{"segment": {"eq": 5}}"#, "where.segment.eq"),
            (r#"{"segment": "SMB"}"#, "where.segment"),
            (r#"{"segment": {"lt": "a"}}"#, "where.segment"),
            (r#"{"seats": {"eq": 1.5}}"#, "where.seats.eq"),
            (r#"{"and": [{"acquired_on": {"eq": "never"}}]}"#, "where.and.0.acquired_on.eq"),
        ] {
            let error = decode(json).unwrap_err();
            assert_eq!(error.code, ErrorCode::BadRequest, "{json}");
            assert!(error.message.contains(&format!("`{place}`")), "{}", error.message);
        }
        let error = decode(r#"{"segmnt": {"eq": "SMB"}}"#).unwrap_err();
        assert_eq!(error.code, ErrorCode::UnknownDimension);
        assert!(error.message.ends_with("Did you mean `segment`?"));
    }

    #[test]
    fn numbers_are_read_to_the_digit() {
        assert_eq!(exact("-0.10"), Some((-10, 2)));
        assert_eq!(exact("1.5e3"), Some((1500, 0)));
        assert_eq!(exact("15e-3"), Some((15, 3)));
        assert_eq!(exact("12345678901234567890.12"), Some((1_234_567_890_123_456_789_012, 2)));
        for text in ["", "-", "1.2.3", "1e99", "0x10", "1e-2147483648"] {
            assert_eq!(exact(text), None, "{text}");
        }
    }
}
