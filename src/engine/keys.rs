//! Handles of keys: every text that identifies a customer, product, owner … gets a small integer
//! once and keeps it, across tables and snapshots.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Arc, PoisonError, RwLock};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::kernels::{Code, NONE};

/// Texts and their codes, append-only.
///
/// A text is looked up by one hash and one comparison of 16 bytes: short texts lie in their entry,
/// of longer ones the entry holds the length, the first bytes and the place of the rest.
#[derive(Debug, Default)]
pub struct Interner {
    names: RwLock<Names>,
    hasher: KeyHasher,
}

/// A text as Arrow's views write it: the length, then the text itself if it has at most
/// [`Key::INLINE`] bytes.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    view: u128,
    text: &'a [u8],
}

impl<'a> Key<'a> {
    const INLINE: usize = 12;

    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let mut view = [0; 16];
        view[..4].copy_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
        let held = if bytes.len() <= Self::INLINE { bytes.len() } else { 4 };
        view[4..4 + held].copy_from_slice(&bytes[..held]);
        Self { view: u128::from_le_bytes(view), text: bytes }
    }

    /// From a view of Arrow over a text that lies in the view itself.
    #[must_use]
    pub fn inline(view: u128) -> Option<Self> {
        let length = view & u128::from(u32::MAX);
        (length <= Self::INLINE as u128).then_some(Self { view, text: &[] })
    }

    /// Whether both are of the same text.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        // Of a short one the text may be left empty: it lies in the view.
        self.view == other.view && (Self::is_inline(self.view) || self.text == other.text)
    }

    fn is_inline(view: u128) -> bool {
        view & u128::from(u32::MAX) <= Self::INLINE as u128
    }
}

/// Keys one after the other.
#[derive(Debug, Clone, Default)]
pub struct KeyList {
    /// The text of a short one; of a long one its length, first four bytes and place.
    views: Vec<u128>,
    long: Vec<u8>,
}

impl KeyList {
    #[must_use]
    pub fn len(&self) -> usize {
        self.views.len()
    }

    pub fn push(&mut self, key: &Key) {
        if Key::is_inline(key.view) {
            self.views.push(key.view);
            return;
        }
        let place = (self.long.len() as u128) << 64;
        self.long.extend_from_slice(key.text);
        self.views.push((key.view & u128::from(u64::MAX)) | place);
    }

    /// Whether the key at a place is this one.
    #[must_use]
    pub fn is(&self, place: usize, key: &Key) -> bool {
        let Some(view) = self.views.get(place).copied() else { return false };
        if Key::is_inline(key.view) {
            return view == key.view;
        }
        // Length and first bytes, then all of it.
        let head = u128::from(u64::MAX);
        view & head == key.view & head && self.long_text(view) == key.text
    }

    /// How far after a place a short key is, within the reach.
    fn position_near(&self, from: usize, reach: usize, key: &Key) -> Option<usize> {
        if !Key::is_inline(key.view) {
            return self.is(from, key).then_some(0);
        }
        let until = self.views.len().min(from + reach);
        let near = self.views.get(from..until)?;
        // Some at a time: how far it is cannot be guessed, so nothing is to depend on it.
        let (some, rest) = near.as_chunks::<8>();
        let is_here = |views: &[u128; 8]| {
            let bits = (0..).zip(views).map(|(bit, view)| u32::from(*view == key.view) << bit);
            let found = bits.fold(0, |all: u32, bit| all | bit);
            (found != 0).then(|| found.trailing_zeros() as usize)
        };
        let mut chunks = (0..).step_by(8).zip(some);
        chunks.find_map(|(start, views)| Some(start + is_here(views)?)).or_else(|| {
            let place = rest.iter().position(|view| *view == key.view)?;
            Some(near.len() - rest.len() + place)
        })
    }

    #[must_use]
    pub fn get(&self, place: usize) -> Option<Key<'_>> {
        let view = *self.views.get(place)?;
        Some(match Key::is_inline(view) {
            true => Key { view, text: &[] },
            false => Key { view: view & u128::from(u64::MAX), text: self.long_text(view) },
        })
    }

    fn long_text(&self, view: u128) -> &[u8] {
        let length = usize::try_from(view & u128::from(u32::MAX)).unwrap_or_default();
        let start = usize::try_from(view >> 64).unwrap_or_default();
        self.long.get(start..start + length).unwrap_or_default()
    }

    fn text(&self, place: usize) -> Option<Arc<str>> {
        let view = *self.views.get(place)?;
        let bytes = view.to_le_bytes();
        let text = if Key::is_inline(view) {
            bytes.get(4..4 + usize::from(bytes[0]))?
        } else {
            self.long_text(view)
        };
        std::str::from_utf8(text).ok().map(Arc::from)
    }

    fn bytes(&self) -> usize {
        self.views.capacity() * size_of::<u128>() + self.long.capacity()
    }
}

/// Hashes keys, others in every process.
#[derive(Debug, Clone, Default)]
pub struct KeyHasher(foldhash::fast::RandomState);

impl KeyHasher {
    /// The half of a hash that a slot holds.
    fn half(&self, key: &Key) -> u32 {
        u32::try_from(self.hash(key) >> 32).unwrap_or_default()
    }

    #[must_use]
    pub fn hash(&self, key: &Key) -> u64 {
        if Key::is_inline(key.view) { self.0.hash_one(key.view) } else { self.0.hash_one(key.text) }
    }
}

#[derive(Debug, Default)]
struct Names {
    slots: HashTable<Slot>,
    /// By code.
    keys: KeyList,
}

/// Half of a hash keeps nearly every text that differs from being compared.
#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u32,
    code: Code,
}

/// The hash that the table sees; it can be had from a slot again when the table grows.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Names {
    fn find(&self, hash: u32, key: &Key) -> Option<Code> {
        let same = |slot: &Slot| slot.hash == hash && self.keys.is(slot.code as usize, key);
        self.slots.find(spread(hash), same).map(|slot| slot.code)
    }

    /// The code of nearly always the only key with this hash.
    fn candidate(&self, hash: u32) -> Option<Code> {
        self.slots.find(spread(hash), |slot| slot.hash == hash).map(|slot| slot.code)
    }

    fn find_or_insert(&mut self, hash: u32, key: &Key) -> Code {
        let Self { slots, keys, .. } = self;
        let same = |slot: &Slot| slot.hash == hash && keys.is(slot.code as usize, key);
        let new = match slots.entry(spread(hash), same, |slot| spread(slot.hash)) {
            Entry::Occupied(known) => return known.get().code,
            Entry::Vacant(new) => new,
        };
        let Some(code) = Code::try_from(keys.len()).ok().filter(|code| *code != NONE) else {
            return NONE;
        };
        new.insert(Slot { hash, code });
        keys.push(key);
        code
    }

    /// Codes of keys that are probably new, written to their places.
    fn take_in(&mut self, new: &[New], codes: &mut [Code]) {
        let mut known = Vec::with_capacity(Search::TOGETHER);
        for new in new.chunks(Search::TOGETHER) {
            // Looked at together first, so that memory answers many at once.
            known.clear();
            known.extend(new.iter().map(|new| self.candidate(new.hash)));
            for (New { place, hash, key }, known) in new.iter().zip(&known) {
                codes[*place] = match known {
                    Some(code) if self.keys.is(*code as usize, key) => *code,
                    _ => self.find_or_insert(*hash, key),
                };
            }
        }
    }
}

/// A key that was not found, and the place of its code.
struct New<'a> {
    place: usize,
    hash: u32,
    key: Key<'a>,
}

/// Looks up keys some at a time: where files are sorted by the key, just after the one before;
/// else by hash, one step for all of them and then the next, so that memory answers many at once.
struct Search<'a> {
    hasher: &'a KeyHasher,
    keys: Vec<Option<Key<'a>>>,
    hashes: Vec<u32>,
    candidates: Vec<Option<Code>>,
    last: Code,
    /// For how many more times looking nearby is not worth it.
    astray: usize,
}

impl<'a> Search<'a> {
    const TOGETHER: usize = 256;
    /// How far after the last one a key is looked for.
    const REACH: usize = 64;
    const REST: usize = 15;

    fn new(hasher: &'a KeyHasher) -> Self {
        Self {
            hasher,
            keys: Vec::new(),
            hashes: Vec::new(),
            candidates: Vec::new(),
            last: 0,
            astray: 0,
        }
    }

    /// Finds the next keys, or lists them as new. No more keys: false.
    fn find(
        &mut self,
        names: &Names,
        keys: &mut impl Iterator<Item = Option<Key<'a>>>,
        (codes, new): (&mut Vec<Code>, &mut Vec<New<'a>>),
    ) -> bool {
        let before = codes.len();
        if self.astray == 0 {
            self.find_nearby(names, keys.take(Self::TOGETHER), (codes, new));
        } else {
            self.astray -= 1;
            self.keys.clear();
            self.keys.extend(keys.take(Self::TOGETHER));
            self.find_by_hash(names, (codes, new));
        }
        codes.len() > before
    }

    fn find_by_hash(&mut self, names: &Names, (codes, new): (&mut Vec<Code>, &mut Vec<New<'a>>)) {
        self.hashes.clear();
        let hash = |key: &Option<Key>| key.as_ref().map_or(0, |key| self.hasher.half(key));
        self.hashes.extend(self.keys.iter().map(hash));
        self.candidates.clear();
        self.candidates.extend(self.hashes.iter().map(|hash| names.candidate(*hash)));
        for ((key, hash), candidate) in self.keys.iter().zip(&self.hashes).zip(&self.candidates) {
            let code = match (key, candidate) {
                (None, _) => NONE,
                (Some(key), Some(code)) if names.keys.is(*code as usize, key) => *code,
                (Some(key), _) => names.find(*hash, key).unwrap_or_else(|| {
                    new.push(New { place: codes.len(), hash: *hash, key: *key });
                    NONE
                }),
            };
            codes.push(code);
        }
    }

    fn find_nearby(
        &mut self,
        names: &Names,
        keys: impl Iterator<Item = Option<Key<'a>>>,
        (codes, new): (&mut Vec<Code>, &mut Vec<New<'a>>),
    ) {
        let (before, mut found) = (codes.len(), 0);
        for key in keys {
            let Some(key) = key else {
                codes.push(NONE);
                continue;
            };
            let from = self.last as usize;
            if let Some(ahead) = names.keys.position_near(from, Self::REACH, &key) {
                self.last = Code::try_from(from + ahead).unwrap_or(NONE);
                found += 1;
                codes.push(self.last);
                continue;
            }
            let hash = self.hasher.half(&key);
            if let Some(code) = names.find(hash, &key) {
                self.last = code;
                codes.push(code);
            } else {
                new.push(New { place: codes.len(), hash, key });
                codes.push(NONE);
            }
        }
        if found * 4 < (codes.len() - before) * 3 {
            self.astray = Self::REST;
        }
    }
}

impl Interner {
    /// Codes of texts, new ones where they are new.
    pub fn intern<'a>(&self, texts: impl Iterator<Item = Option<&'a str>>) -> Vec<Code> {
        self.codes(texts.map(|text| text.map(Key::new)))
    }

    /// Codes of keys. Known ones are found side by side with other readers; only new ones are
    /// written alone.
    pub fn codes<'a>(&'a self, mut keys: impl Iterator<Item = Option<Key<'a>>>) -> Vec<Code> {
        let mut codes = Vec::with_capacity(keys.size_hint().0);
        let mut new: Vec<New> = Vec::new();
        {
            let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
            let mut search = Search::new(&self.hasher);
            while search.find(&names, &mut keys, (&mut codes, &mut new)) {
                // Where all of them were new, the others are too: no use looking for them.
                if new.len() == codes.len() {
                    break;
                }
            }
        }
        for (place, key) in (codes.len()..).zip(keys) {
            codes.push(NONE);
            new.extend(key.map(|key| New { place, hash: self.hasher.half(&key), key }));
        }
        if !new.is_empty() {
            let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
            names.take_in(&new, &mut codes);
        }
        codes
    }

    /// Makes room for the keys of a table that has so many rows and each key once.
    pub fn make_room(&self, keys: u64) {
        let keys = usize::try_from(keys).unwrap_or_default();
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        let more = keys.saturating_sub(names.keys.len());
        names.slots.reserve(more, |slot| spread(slot.hash));
        names.keys.views.reserve(more);
    }

    /// The code of a text that was met before.
    #[must_use]
    pub fn code(&self, text: &str) -> Option<Code> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let key = Key::new(text);
        names.find(self.hasher.half(&key), &key)
    }

    /// The text of a code.
    #[must_use]
    pub fn text(&self, code: Code) -> Option<Arc<str>> {
        self.names.read().unwrap_or_else(PoisonError::into_inner).keys.text(code as usize)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.names.read().unwrap_or_else(PoisonError::into_inner).keys.len()
    }

    /// Size in memory.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        // A slot has a control byte.
        (names.slots.capacity() * (size_of::<Slot>() + 1) + names.keys.bytes()) as u64
    }

    /// Every text met so far, by code.
    #[must_use]
    pub fn names(&self) -> Vec<Arc<str>> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let text = |place| names.keys.text(place).unwrap_or_else(|| Arc::from(""));
        (0..names.keys.len()).map(text).collect()
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

    /// Size of all interners in memory.
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

    #[test]
    fn texts_of_any_length_are_told_apart() {
        // Around the 12 bytes that lie in a view, with common beginnings and bytes of zero.
        let texts: Vec<String> =
            ["", "\0", "\0\0", "abcdefghijkl", "abcdefghijklm", "abcdefghijkln"]
                .into_iter()
                .map(str::to_owned)
                .chain((0..2_000).map(|n| format!("customer-{n:0width$}", width = n % 9)))
                .collect();
        let distinct: std::collections::BTreeSet<&String> = texts.iter().collect();
        let interner = Interner::default();
        let codes = interner.intern(texts.iter().map(|text| Some(text.as_str())));
        assert_eq!(interner.len(), distinct.len());
        for (text, code) in texts.iter().zip(&codes) {
            assert_eq!(interner.code(text), Some(*code));
            assert_eq!(interner.text(*code).as_deref(), Some(text.as_str()));
        }
        assert_eq!(interner.intern(texts.iter().map(|text| Some(text.as_str()))), codes);
        assert_eq!(interner.names()[codes[4] as usize].as_ref(), "abcdefghijklm");
    }

    #[test]
    fn many_readers_agree_on_the_codes() {
        let interner = Interner::default();
        let texts: Vec<String> = (0..5_000).map(|n| format!("k{}", n % 1_777)).collect();
        let code_all = || interner.intern(texts.iter().map(|text| Some(text.as_str())));
        let (one, other) = std::thread::scope(|scope| {
            let other = scope.spawn(code_all);
            (code_all(), other.join().unwrap())
        });
        assert_eq!(one, other);
        assert_eq!(interner.len(), 1_777);
    }
}
