//! Handles of keys: every text that identifies a customer, product, owner … gets a small integer
//! once and keeps it, across tables and snapshots.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use indexmap::IndexSet;

use crate::kernels::{Code, NONE};

type Names = IndexSet<Arc<str>, foldhash::fast::RandomState>;

/// Texts and their codes, append-only.
#[derive(Debug, Default)]
pub struct Interner(RwLock<Names>);

impl Interner {
    /// Codes of texts, new ones where they are new.
    pub fn intern<'a>(&self, texts: impl Iterator<Item = Option<&'a str>>) -> Vec<Code> {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        texts.map(|text| text.map_or(NONE, |text| intern_one(&mut names, text))).collect()
    }

    /// The code of a text that was met before.
    #[must_use]
    pub fn code(&self, text: &str) -> Option<Code> {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.get_index_of(text).and_then(|code| Code::try_from(code).ok())
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Every text met so far, by code.
    #[must_use]
    pub fn names(&self) -> Vec<Arc<str>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Bytes in memory, about: a text of some 16 bytes with its counters, and the set's own.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        const OF_EACH: usize = 16 + 16 + 24 + 8;
        (self.len() * OF_EACH) as u64
    }

    /// Ranks of the codes in the texts' own order.
    #[must_use]
    pub fn ranks(&self) -> Vec<u32> {
        let names = self.names();
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_unstable_by(|a, b| names[*a].cmp(&names[*b]));
        let mut ranks = vec![0; names.len()];
        for (rank, code) in order.into_iter().enumerate() {
            ranks[code] = u32::try_from(rank).unwrap_or(u32::MAX);
        }
        ranks
    }
}

fn intern_one(names: &mut Names, text: &str) -> Code {
    let code = names.get_index_of(text).unwrap_or_else(|| names.insert_full(Arc::from(text)).0);
    Code::try_from(code).unwrap_or(NONE)
}

/// One interner a name: entities ("customer"), and columns whose texts are coded.
#[derive(Debug, Default)]
pub struct KeySpace(RwLock<HashMap<String, Arc<Interner>>>);

impl KeySpace {
    #[must_use]
    pub fn of(&self, name: &str) -> Arc<Interner> {
        if let Some(interner) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Arc::clone(interner);
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(name.to_owned()).or_default())
    }

    /// Bytes of all interners, about.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.values().map(|interner| interner.bytes()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_code_and_ranks_follow_the_texts() {
        let interner = Interner::default();
        let codes = interner.intern([Some("bob"), None, Some("ann"), Some("bob")].into_iter());
        assert_eq!(codes, vec![0, NONE, 1, 0]);
        assert_eq!(interner.ranks(), vec![1, 0]);
        assert_eq!(interner.code("cat"), None);
    }
}
