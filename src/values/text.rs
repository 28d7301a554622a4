//! Values as people write them in files: days, instants, decimals, fractions.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;

use super::{Calendar, Instant, Number};

/// Exactly `YYYY-MM-DD`.
#[must_use]
pub fn parse_day(text: &str) -> Option<NaiveDate> {
    let plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    plain.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
}

/// RFC 3339; without an offset, local time of `zone`; a day is its midnight in the reporting zone.
#[must_use]
pub fn parse_instant(text: &str, calendar: &Calendar, zone: Tz) -> Option<Instant> {
    if let Some(day) = parse_day(text) {
        return Some(calendar.midnight(day));
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(Instant(at.timestamp_micros()));
    }
    let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
    Some(Instant(zone.from_local_datetime(&local).earliest()?.timestamp_micros()))
}

/// `-12.50` is (-1250, 2): units and scale, to the digit.
#[must_use]
pub fn parse_decimal(text: &str) -> Option<(i128, u8)> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 38 || !digits.bytes().all(|digit| digit.is_ascii_digit())
    {
        return None;
    }
    let units: i128 = digits.parse().ok()?;
    let signed = if text.starts_with('-') { -units } else { units };
    Some((signed, u8::try_from(fraction.len()).ok()?))
}

/// `423/430`, `0.5` or `3`, exactly.
#[must_use]
pub fn parse_fraction(text: &str) -> Option<BigRational> {
    let exact = |text: &str| {
        let (units, scale) = parse_decimal(text.trim())?;
        Some(BigRational::new(units.into(), BigInt::from(10).pow(u32::from(scale))))
    };
    match text.split_once('/') {
        Some((numerator, denominator)) => {
            let denominator = exact(denominator)?;
            (!denominator.is_zero()).then(|| Some(exact(numerator)? / denominator)).flatten()
        }
        None => exact(text),
    }
}

/// A number for people: counts and decimals to the digit, ratios and estimates as doubles.
#[must_use]
pub fn show_number(number: &Number) -> String {
    match number {
        Number::Int(count) => count.to_string(),
        Number::Decimal(units, scale) => show_decimal(*units, *scale),
        Number::Ratio(_) | Number::Float(_) => number.to_f64().to_string(),
    }
}

/// `show_decimal(-43005, 2)` is `-430.05`.
#[must_use]
pub fn show_decimal(units: i128, scale: u8) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let width = usize::from(scale);
    let digits = format!("{:0>1$}", units.unsigned_abs(), width + 1);
    let (whole, fraction) = digits.split_at(digits.len() - width);
    if width == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_and_fractions_are_read_to_the_digit() {
        assert_eq!(parse_decimal("-0.10"), Some((-10, 2)));
        assert_eq!(parse_decimal("7"), Some((7, 0)));
        let half = BigRational::new(1.into(), 2.into());
        assert_eq!(parse_fraction("215/430"), Some(half.clone()));
        assert_eq!(parse_fraction("0.50"), Some(half));
        for text in ["", "-", "1.2.3", "1e3", "1/0", "a/b", "/"] {
            assert_eq!(parse_fraction(text), None, "{text}");
        }
    }

    #[test]
    fn instants_without_an_offset_are_of_the_given_zone_and_days_of_the_calendar() {
        let berlin = Calendar { zone: chrono_tz::Europe::Berlin, fiscal_start: 1 };
        let read = |text| parse_instant(text, &berlin, Tz::UTC).map(Instant::to_rfc3339);
        assert_eq!(read("2026-03-31").as_deref(), Some("2026-03-30T22:00:00Z"));
        assert_eq!(read("2026-03-31 10:00:00").as_deref(), Some("2026-03-31T10:00:00Z"));
        assert_eq!(read("2026-03-31T10:00:00+02:00").as_deref(), Some("2026-03-31T08:00:00Z"));
        assert_eq!(read("31.03.2026"), None);
    }
}
