//! One executable for every integration test: linking DataFusion is what takes time.

mod cases;
mod oracle;
mod support;
