//! One executable for every test that needs more than one room, a socket or another program:
//! linking DataFusion is what takes time.

mod bad_input;
mod binary;
mod cases;
mod cohorts;
mod docs;
mod growth;
mod object_storage;
mod oracle;
mod properties;
mod reconcile;
mod same_digits;
mod schema;
mod support;
mod tidy;
