//! What the caller may see. Every query carries one; there is no default, so that no door can
//! forget it.

use super::Predicate;

/// The caller's sight of the data.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    principal: String,
    rows: Option<Predicate>,
}

impl Scope {
    /// Everything: the CLI, tests, and servers without access rules.
    #[must_use]
    pub fn unrestricted(principal: &str) -> Self {
        Self { principal: principal.to_owned(), rows: None }
    }

    /// Only what the predicate lets through.
    #[must_use]
    pub fn restricted(principal: &str, rows: Predicate) -> Self {
        Self { principal: principal.to_owned(), rows: Some(rows) }
    }

    #[must_use]
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// What the caller sees, as a text: equal texts, equal sight. A part of the key of everything
    /// that is kept between requests; a field that is added here says whether it belongs in.
    #[must_use]
    pub fn sight(&self) -> String {
        let Self { principal: _, rows } = self;
        rows.as_ref().map_or_else(String::new, |rows| format!("{rows:?}"))
    }

    /// The filter that every answer for this caller carries.
    #[must_use]
    pub fn rows(&self) -> Option<&Predicate> {
        self.rows.as_ref()
    }
}
