//! One executable for every test that needs more than one room, a socket or another program:
//! linking DataFusion is what takes time.

mod cases;
mod cohorts;
mod object_storage;
mod schema;
mod support;
