//! How far a kernel may go: how many cells it may fill, and until somebody says stop.
//!
//! A kernel that meets a bound ends early with an answer that is not whole; whoever set the bound
//! looks at it afterwards and gives that answer to nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A word to kernels that nobody waits for their answer any more. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The bounds of one question.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Most cells; a kernel that needs more fills a few more than that, and no others.
    pub cells: usize,
    pub stop: Stop,
}

impl Default for Bounds {
    /// None.
    fn default() -> Self {
        Self { cells: usize::MAX, stop: Stop::default() }
    }
}
