//! The errors an API caller can meet: one message for people and one closed code.
//!
//! Rooms below the API build an [`ApiError`] where they know the subject ("metric `nrrr`") and the
//! nearest valid choice. Text of the engine, file paths of the machine and values of rows never
//! enter the message; what an operator needs goes to the log instead.

use std::fmt;

/// The closed list of `extensions.code` values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    BadRequest,
    UnknownMetric,
    UnknownDimension,
    UnknownValue,
    IncompatibleDimension,
    BadPeriod,
    TooManyRows,
    OutOfRange,
    Unavailable,
    BadData,
    StoreUnavailable,
    Timeout,
    ResourceLimit,
    QueryTooLarge,
    Unauthenticated,
    Forbidden,
    Overloaded,
    Internal,
}

impl ErrorCode {
    /// The code as clients read it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::UnknownMetric => "UNKNOWN_METRIC",
            Self::UnknownDimension => "UNKNOWN_DIMENSION",
            Self::UnknownValue => "UNKNOWN_VALUE",
            Self::IncompatibleDimension => "INCOMPATIBLE_DIMENSION",
            Self::BadPeriod => "BAD_PERIOD",
            Self::TooManyRows => "TOO_MANY_ROWS",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::Unavailable => "UNAVAILABLE",
            Self::BadData => "BAD_DATA",
            Self::StoreUnavailable => "STORE_UNAVAILABLE",
            Self::Timeout => "TIMEOUT",
            Self::ResourceLimit => "RESOURCE_LIMIT",
            Self::QueryTooLarge => "QUERY_TOO_LARGE",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::Overloaded => "OVERLOADED",
            Self::Internal => "INTERNAL",
        }
    }
}

/// Bytes of a message.
const LONGEST_MESSAGE: usize = 4_000;
/// No name is longer, so nothing longer is a slip of one.
const LONGEST_NAME: usize = 100;

/// An error as an API caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    pub code: ErrorCode,
    pub message: String,
    /// What an expression of a definition does and what to do about it, as long as nobody has said
    /// which one it is.
    of_expression: Option<Box<[String; 2]>>,
}

impl ApiError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let mut message = with_names_cut(message.into());
        if message.len() > LONGEST_MESSAGE {
            // A caller's own text, repeated: nobody reads all of it.
            let end = message.floor_char_boundary(LONGEST_MESSAGE);
            message.truncate(end);
            message.push('…');
        }
        Self { code, message, of_expression: None }
    }

    /// An expression of a definition does what it should not ("divides by zero for some row");
    /// whoever knows which one, of which table, names it.
    #[must_use]
    pub fn of_expression(code: ErrorCode, does: &str, help: &str) -> Self {
        let of_expression = Some(Box::new([does.to_owned(), help.to_owned()]));
        Self { of_expression, ..Self::new(code, format!("an expression {does}; {help}")) }
    }

    /// Whether it is about an expression that has no name yet.
    #[must_use]
    pub fn is_of_expression(&self) -> bool {
        self.of_expression.is_some()
    }

    /// The same error with the expression's name and table; other errors stay as they are.
    #[must_use]
    pub fn naming(self, expression: &str, table: &str) -> Self {
        let Some([does, help]) = self.of_expression.as_deref() else { return self };
        Self::new(self.code, format!("{expression} {does} of table `{table}`; {help}"))
    }
}

/// Callers' own names, which messages repeat in backticks, are cut where nobody would know them by
/// what follows.
fn with_names_cut(message: String) -> String {
    let is_long = |part: &str| part.len() > LONGEST_NAME && !part.contains(char::is_whitespace);
    // Every second part is in backticks.
    let quoted = || message.split('`').skip(1).step_by(2);
    if message.len() <= LONGEST_NAME || !quoted().any(is_long) {
        return message;
    }
    let parts = message.split('`').enumerate().map(|(index, part)| match index % 2 {
        1 if is_long(part) => format!("{}…", &part[..part.floor_char_boundary(LONGEST_NAME)]),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("`")
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for ApiError {}

pub type ApiResult<T> = Result<T, ApiError>;

/// The candidate closest to `wanted`, if any is close enough to be meant.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if wanted.len() > LONGEST_NAME {
        return None;
    }
    let wanted_lower = wanted.to_lowercase();
    candidates
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&wanted_lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.len().max(wanted.len()) / 3).max(2))
        .min_by_key(|(distance, name)| (*distance, name.len()))
        .map(|(_, name)| name)
}

/// `" Did you mean `x`?"`, or nothing.
pub fn did_you_mean<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(wanted, candidates).map_or_else(String::new, |name| format!(" Did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_absurd_ones_cost_nothing() {
        assert_eq!(nearest("nrrr", ["mrr", "nrr"]), Some("nrr"));
        assert_eq!(nearest(&"n".repeat(1_000_000), ["nrr"]), None);
    }

    #[test]
    fn an_expression_is_named_once_by_whoever_knows_it() {
        let error = ApiError::of_expression(ErrorCode::BadData, "fails for a row", "mend it");
        assert_eq!(error.message, "an expression fails for a row; mend it");
        let named = error.naming("`a / b`", "t");
        let told = "`a / b` fails for a row of table `t`; mend it";
        assert_eq!(named, ApiError::new(ErrorCode::BadData, told));
        assert_eq!(named.clone().naming("`c`", "u"), named);
    }

    #[test]
    fn messages_are_bounded_whatever_they_repeat() {
        let error = ApiError::new(ErrorCode::BadRequest, "ä".repeat(100_000));
        assert!(error.message.len() < 4_010 && error.message.ends_with("ä…"));
    }

    #[test]
    fn long_names_are_cut_and_what_is_around_them_stays() {
        let said = |message: String| ApiError::new(ErrorCode::UnknownValue, message).message;
        let long = format!("There is no type `{}`. It has `a`, `b`.", "é".repeat(450_000));
        assert_eq!(said(long), format!("There is no type `{}…`. It has `a`, `b`.", "é".repeat(50)));
        for whole in [
            format!("`{}` is 100 bytes.", "s".repeat(100)),
            format!("Write `canonical: {{ {} }}`.", "a: b, ".repeat(40)),
            format!("Ask for one of {}.", "`nrr`, ".repeat(40)),
        ] {
            assert_eq!(said(whole.clone()), whole);
        }
    }
}
