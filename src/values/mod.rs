//! Values that every room speaks: scalars of dimensions, exact numbers of metrics, instants and
//! calendars. A leaf: imports no other room.

mod calendar;
mod number;
mod scalar;
mod text;

pub use calendar::{Calendar, Grain, Instant, MICROS_PER_DAY, MONTHS, shift_months};
pub use number::{Number, nearest_double};
pub use scalar::Scalar;
pub use text::{
    parse_day, parse_decimal, parse_fraction, parse_instant, show_decimal, show_number,
};
