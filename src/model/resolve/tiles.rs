//! Stage: the project's tiles. Each names a metric that the API offers and dimensions that go with
//! it, so that no tile can only ever show an error.

use super::Resolver;
use crate::definitions::TileDef;
use crate::diagnostics::{Code, Diagnostic};
use crate::model::{DimensionName, Metric, Tile};

impl Resolver<'_> {
    /// In the order written. Metrics must have their dimensions.
    pub(super) fn resolve_tiles(&mut self) -> Vec<Tile> {
        let Some(project) = &self.definitions.project else { return Vec::new() };
        project.tiles.iter().filter_map(|def| self.tile(def)).collect()
    }

    fn tile(&mut self, def: &TileDef) -> Option<Tile> {
        let metric = self.metric_name(&def.metric);
        let mut group_by: Vec<DimensionName> = Vec::new();
        for text in &def.group_by {
            let Some(name) = self.dimension_name(text) else { continue };
            if group_by.contains(&name) {
                let message = format!("the tile is grouped by `{name}` twice");
                self.report(Code::InvalidValue, text.span, message);
            }
            group_by.push(name);
        }
        // A metric that could not be bound has been reported.
        let metric = self.metrics.get(&metric?)?.clone();
        self.check_tile(def, &metric, &group_by);
        let label = def.label.clone().unwrap_or_else(|| metric.label.clone());
        Some(Tile { metric: metric.name, label, group_by })
    }

    fn check_tile(&mut self, def: &TileDef, metric: &Metric, group_by: &[DimensionName]) {
        if metric.private {
            let message = format!("`{}` is private: no tile can show it", metric.name);
            self.report(Code::InvalidValue, def.metric.span, message);
        }
        // Without a formula it has no dimensions yet either: the metrics are defined in a circle.
        if metric.formula.is_empty() {
            return;
        }
        let offered: Vec<&str> = metric.dimensions.iter().map(DimensionName::as_str).collect();
        for name in group_by.iter().filter(|name| !metric.dimensions.contains(name)) {
            let span = def.group_by.iter().find(|text| text.value == name.as_str());
            let message = format!("`{}` cannot be grouped by `{name}`", metric.name);
            let span = span.map_or(def.span, |text| text.span);
            let found = Diagnostic::new(Code::InvalidValue, span, message);
            self.out.push(found.suggest(name.as_str(), offered.iter().copied()));
        }
    }
}
