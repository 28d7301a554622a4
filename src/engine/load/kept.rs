//! Balances that are kept until newer facts grow out of them.

use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::context::compute;
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::BalanceFacts;

use super::LoadedBalance;
use super::balance::Read;

/// A balance of one set of files. Where files are added its facts become part of the newer ones,
/// without a copy unless somebody still reads them, and are here no longer.
#[derive(Debug)]
pub struct KeptBalance {
    loaded: Mutex<Option<Arc<LoadedBalance>>>,
    bytes: usize,
}

impl KeptBalance {
    #[must_use]
    pub fn new(loaded: LoadedBalance) -> Self {
        let bytes = loaded.facts.bytes();
        Self { loaded: Mutex::new(Some(Arc::new(loaded))), bytes }
    }

    /// The balance; none where newer facts have grown out of it.
    #[must_use]
    pub fn get(&self) -> Option<Arc<LoadedBalance>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn forget(&self) {
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What this balance, which `known` is, and what was read beside it come to.
    pub(super) fn grown(&self, known: Arc<LoadedBalance>, read: Read) -> ApiResult<Read> {
        check_rows(known.facts.time.len() + read.facts.time.len())?;
        let left_out = known.left_out + read.left_out;
        let mut unmapped = read.unmapped;
        unmapped.extend(known.unmapped.iter().cloned());
        self.forget();
        let facts = compute(|| {
            let facts = match Arc::try_unwrap(known) {
                Ok(known) => known.facts,
                Err(shared) => shared.facts.clone(),
            };
            facts.with_added(&read.facts)
        });
        Ok(Read { facts, left_out, unmapped, others: read.others })
    }
}

/// Refuses more rows than codes of rows can tell apart.
pub(super) fn check_rows(rows: usize) -> ApiResult<()> {
    if u32::try_from(rows).is_ok() {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::ResourceLimit,
        format!("{rows} changes of balances are more than one server computes with."),
    ))
}

/// Sorts changes away from the threads that serve.
pub(super) fn sorted(changes: &[crate::kernels::Changes]) -> ApiResult<BalanceFacts> {
    check_rows(changes.iter().map(|part| part.customer.len()).sum())?;
    Ok(compute(|| BalanceFacts::sorted(changes)))
}
