//! Stage: the project's own settings, and the version of everything written.

use std::fmt::Write;

use chrono_tz::Tz;
use sha2::{Digest, Sha256};

use super::Resolver;
use crate::definitions::{PROJECT_FILE, Text};
use crate::diagnostics::{Code, Diagnostic, Sources, nearest};
use crate::model::SCHEMES;
use crate::values::{Calendar, MONTHS};

pub(super) struct Project {
    pub(super) name: String,
    pub(super) warehouse: String,
    pub(super) calendar: Calendar,
    pub(super) currency: String,
}

impl Resolver<'_> {
    pub(super) fn resolve_project(&mut self) -> Option<Project> {
        let Some(written) = &self.definitions.project else {
            // A file that could not be read has been reported already.
            if !self.sources.iter().any(|(_, file)| file.path == PROJECT_FILE) {
                let message = "the project has no `upswell.yml`";
                let found = Diagnostic::without_place(Code::Unreadable, message);
                self.out.push(found.help("write one with `version: 1` and `warehouse: …`"));
            }
            return None;
        };
        if written.version.value != 1 {
            let message = format!("version {} is not known", written.version.value);
            let found = Diagnostic::new(Code::InvalidValue, written.version.span, message);
            self.out.push(found.help("this release reads version 1"));
        }
        self.check_address(&written.warehouse);
        let zone = written.time_zone.as_ref().and_then(|text| self.time_zone(text));
        let fiscal_start = written.fiscal_year_starts.as_ref().and_then(|text| self.month(text));
        let currency = written.currency.as_ref().map(|text| self.currency(text));
        Some(Project {
            name: written.name.as_ref().map_or("upswell", |text| &text.value).to_owned(),
            warehouse: written.warehouse.value.clone(),
            calendar: Calendar {
                zone: zone.unwrap_or(Tz::UTC),
                fiscal_start: fiscal_start.unwrap_or(1),
            },
            currency: currency.unwrap_or_else(|| "USD".to_owned()),
        })
    }

    /// A URL of a scheme that nobody can open is a slip, known before any table is looked for.
    pub(super) fn check_address(&mut self, address: &Text) {
        let Some((scheme, _)) = address.value.split_once("://") else { return };
        if !SCHEMES.contains(&scheme.to_lowercase().as_str()) {
            let message = format!("`{scheme}` is no kind of store");
            let found = Diagnostic::new(Code::InvalidValue, address.span, message);
            self.out.push(found.help("write a path, or a URL with file, s3, gs, az or abfss"));
        }
    }

    fn time_zone(&mut self, text: &Text) -> Option<Tz> {
        if let Ok(zone) = text.value.parse::<Tz>() {
            return Some(zone);
        }
        let message = format!("`{}` is not an IANA time zone", text.value);
        let found = Diagnostic::new(Code::InvalidValue, text.span, message);
        let near = nearest(&text.value, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
        let help = near.map_or_else(
            || "write one like `Europe/Berlin`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        self.out.push(found.help(help));
        None
    }

    fn month(&mut self, text: &Text) -> Option<u32> {
        let word = text.value.to_lowercase();
        let named = (1..).zip(MONTHS).find(|(_, name)| *name == word).map(|(number, _)| number);
        let month = named.or_else(|| word.parse().ok()).filter(|number| (1..=12).contains(number));
        if month.is_none() {
            let message = format!("`{}` is not a month", text.value);
            let found = Diagnostic::new(Code::InvalidValue, text.span, message);
            self.out.push(found.suggest(&word, MONTHS));
        }
        month
    }

    fn currency(&mut self, text: &Text) -> String {
        let code = text.value.to_uppercase();
        if code.len() != 3 || !code.chars().all(|c| c.is_ascii_uppercase()) {
            let message = format!("`{}` is not an ISO code of a currency", text.value);
            let found = Diagnostic::new(Code::InvalidValue, text.span, message);
            self.out.push(found.help("write three letters, for example `EUR`"));
        }
        code
    }
}

/// Hash of every text, by path: the first 16 hex digits.
pub(super) fn version_of(sources: &Sources) -> String {
    let mut files: Vec<_> = sources.iter().map(|(_, file)| file).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut hash = Sha256::new();
    for file in files {
        for part in [&file.path, &file.text] {
            // Lengths keep two texts apart from one that joins them.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
    }
    hash.finalize().iter().take(8).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
