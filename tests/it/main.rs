//! One executable for every test that needs more than one room, a socket or another program:
//! linking DataFusion is what takes time.

mod bad_input;
mod benches;
mod binary;
mod caching;
mod calendar;
mod cases;
mod cohorts;
mod commands;
mod data_findings;
mod dimensions;
mod docs;
mod edges;
mod examples;
mod filters;
mod growth;
mod init;
mod joins;
mod judged;
mod metric_tests;
mod object_storage;
mod oracle;
mod passes;
mod properties;
mod reconcile;
mod reload;
mod same_digits;
mod schema;
mod support;
mod tidy;
mod variants;
mod versions;
