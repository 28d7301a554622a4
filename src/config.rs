//! Settings: flags over `UPSWELL_*` environment (both read by the command line) over `settings` of
//! upswell.yml over defaults.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Limits of the engine and the catalogue, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    pub refresh: Duration,
    pub timeout: Duration,
    /// Bytes for facts kept between requests.
    pub facts_memory: u64,
    /// Bytes for DataFusion's operators.
    pub query_memory: usize,
    pub max_rows: usize,
    /// Bytes for answers and responses kept between requests.
    pub result_cache: u64,
    /// Kept answers in a hundred that are computed again.
    pub proof_percent: u64,
}

/// Limits as given by flags or environment.
#[derive(Debug, Clone, Copy, Default)]
pub struct GivenLimits {
    pub refresh_seconds: Option<u64>,
    pub timeout_seconds: Option<u64>,
    pub facts_memory_mib: Option<u64>,
    pub query_memory_mib: Option<u64>,
    pub max_rows: Option<u64>,
    pub result_cache_mib: Option<u64>,
    pub proof_percent: Option<u64>,
}

/// A setting of upswell.yml that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    #[error("`settings` of upswell.yml has no `{name}`.{hint}")]
    Unknown { name: String, hint: String },
    #[error("`settings.{name}` of upswell.yml is `{value}`; it must be {wanted}")]
    Value { name: String, value: String, wanted: &'static str },
}

/// The settings that upswell.yml may have.
const KNOWN: [&str; 8] = [
    "listen",
    "refresh_seconds",
    "timeout_seconds",
    "facts_memory_mib",
    "query_memory_mib",
    "max_rows",
    "result_cache_mib",
    "proof_percent",
];

/// Limits from what was given, the project's file and the defaults, in this order.
///
/// # Errors
/// A setting of the file that does not exist or has no usable value.
pub fn limits(
    given: &GivenLimits,
    file: &BTreeMap<String, String>,
) -> Result<Limits, SettingError> {
    if let Some(name) = file.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(SettingError::Unknown {
            hint: crate::error::did_you_mean(name, KNOWN),
            name: name.clone(),
        });
    }
    let number = |given: Option<u64>, name: &str, default: u64| match (given, file.get(name)) {
        (Some(given), _) => Ok(given),
        (None, Some(text)) => text.parse().map_err(|_| SettingError::Value {
            name: name.to_owned(),
            value: text.clone(),
            wanted: "a whole number",
        }),
        (None, None) => Ok(default),
    };
    let bytes = |mib: u64| mib.saturating_mul(1 << 20);
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    Ok(Limits {
        refresh: Duration::from_secs(number(given.refresh_seconds, "refresh_seconds", 5)?),
        timeout: Duration::from_secs(number(given.timeout_seconds, "timeout_seconds", 60)?.max(1)),
        facts_memory: bytes(number(given.facts_memory_mib, "facts_memory_mib", 1024)?),
        query_memory: size(bytes(number(given.query_memory_mib, "query_memory_mib", 1024)?)),
        max_rows: size(number(given.max_rows, "max_rows", 10_000)?),
        result_cache: bytes(number(given.result_cache_mib, "result_cache_mib", 128)?),
        proof_percent: number(given.proof_percent, "proof_percent", 1)?,
    })
}

/// Where to listen: what was given, else the file's `listen`, else 127.0.0.1:4000.
///
/// # Errors
/// A `listen` of the file that is no address.
pub fn listen(
    given: Option<SocketAddr>,
    file: &BTreeMap<String, String>,
) -> Result<SocketAddr, SettingError> {
    match (given, file.get("listen")) {
        (Some(given), _) => Ok(given),
        (None, Some(text)) => text.parse().map_err(|_| SettingError::Value {
            name: "listen".to_owned(),
            value: text.clone(),
            wanted: "an address such as 127.0.0.1:4000",
        }),
        (None, None) => Ok(SocketAddr::from(([127, 0, 0, 1], 4000))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_given_goes_before_the_file_before_the_default() {
        let settings = file(&[("max_rows", "7"), ("refresh_seconds", "9")]);
        let given = GivenLimits { max_rows: Some(3), ..GivenLimits::default() };
        let limits = limits(&given, &settings).unwrap();
        assert_eq!((limits.max_rows, limits.refresh.as_secs()), (3, 9));
        assert_eq!(limits.timeout.as_secs(), 60);
    }

    #[test]
    fn unusable_settings_are_named() {
        let none = GivenLimits::default();
        let unknown = limits(&none, &file(&[("max_row", "7")])).unwrap_err();
        assert!(unknown.to_string().contains("Did you mean `max_rows`?"), "{unknown}");
        let value = limits(&none, &file(&[("max_rows", "many")])).unwrap_err();
        assert!(value.to_string().contains("`many`"), "{value}");
        assert!(listen(None, &file(&[("listen", "here")])).is_err());
    }
}
