//! Tiles: what a project puts on the dashboard's board beside the tiles that ship.

use super::{DimensionName, MetricName};

/// A metric on the board: over time, or by the dimensions given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    pub metric: MetricName,
    pub label: String,
    pub group_by: Vec<DimensionName>,
}
