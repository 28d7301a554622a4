//! Upswell: a GraphQL metrics layer for customer expansion.
//!
//! Definitions (YAML) become a semantic [`model`]; a request becomes a `MetricQuery`, is planned
//! by [`planner`], executed by [`engine`] over tables that [`catalog`] found, and shaped by
//! [`graphql`] or the CLI. ARCHITECTURE.md walks through it room by room.
#![forbid(unsafe_code)]

pub mod app;
pub mod catalog;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dashboard;
pub mod definitions;
pub mod diagnostics;
pub mod engine;
pub mod error;
pub mod fixtures;
pub mod generate;
pub mod graphql;
pub mod kernels;
pub mod metric_tests;
pub mod model;
pub mod planner;
pub mod project;
pub mod server;
pub mod telemetry;
pub mod values;
