//! Stage: datasets with their columns, keys and times; then the as-of joins between them.

use indexmap::IndexMap;

use super::Resolver;
use super::names::Written;
use crate::definitions::{DatasetDef, JoinDef, Text};
use crate::diagnostics::{Code, Diagnostic};
use crate::model::{AsOfJoin, ColumnName, ColumnType, Dataset, DatasetName, EntityName, Validity};

/// The key that names no entity but the row itself.
const PRIMARY: &str = "primary";

impl Resolver<'_> {
    pub(super) fn resolve_datasets(&mut self, written: &Written) {
        for def in written.datasets.values() {
            let mut dataset = self.dataset(def);
            self.map_dataset(def, &mut dataset);
            if def.columns.is_none() {
                self.open.insert(dataset.name.clone());
            }
            self.datasets.insert(dataset.name.clone(), dataset);
        }
        let Some(project) = &self.definitions.project else { return };
        for (name, _) in project.canonical.iter() {
            if !self.datasets.contains_key(name.value.as_str()) {
                let known = self.datasets.keys().map(ToString::to_string).collect();
                self.unknown(Code::UnknownDataset, "dataset", name, known);
            }
        }
    }

    fn dataset(&mut self, def: &DatasetDef) -> Dataset {
        let name = def.name.as_str();
        if let Some(table) = &def.table {
            self.check_address(table);
        }
        let mut dataset = Dataset {
            name: DatasetName::new(name),
            description: def.description.clone().unwrap_or_default(),
            table: def.table.as_ref().map_or(name, |table| &table.value).to_owned(),
            columns: IndexMap::new(),
            time: None,
            month_end: def.month_end,
            primary_key: Vec::new(),
            entity: def.entity.as_ref().map(|entity| EntityName::new(entity.as_str())),
            keys: IndexMap::new(),
            valid: None,
            partition: def.partition.as_ref().map(|partition| partition.value.clone()),
            as_of_joins: Vec::new(),
            known_from: None,
            source: self.source_pos(def.name.span()),
        };
        for (column, written) in def.columns.iter().flat_map(|columns| columns.iter()) {
            let column = self.declared_column(column, written);
            dataset.columns.insert(column.name.clone(), column);
        }
        self.keys(def, &mut dataset);
        self.times(def, &mut dataset);
        dataset
    }

    fn keys(&mut self, def: &DatasetDef, dataset: &mut Dataset) {
        for (entity, columns) in def.keys.iter() {
            for column in &columns.0 {
                let name = self.structural_column(dataset, column, ColumnType::Text);
                if entity.value == PRIMARY {
                    dataset.primary_key.push(name);
                } else {
                    dataset.keys.insert(EntityName::new(entity.value.as_str()), name);
                }
            }
            if entity.value != PRIMARY && columns.0.len() != 1 {
                self.report(Code::InvalidValue, entity.span, "an entity's key is one column");
            }
        }
        let Some(entity) = &def.entity else { return };
        match dataset.primary_key.as_slice() {
            [key] => {
                dataset.keys.insert(EntityName::new(entity.as_str()), key.clone());
            }
            _ => {
                let message = format!("the entity `{}` needs a primary key", entity.as_str());
                let found = Diagnostic::new(Code::UnknownEntity, entity.span(), message);
                self.out.push(found.help("add `keys: { primary: … }` of one column"));
            }
        }
    }

    fn times(&mut self, def: &DatasetDef, dataset: &mut Dataset) {
        let time = |resolver: &mut Self, dataset: &mut Dataset, text| {
            resolver.structural_column(dataset, text, ColumnType::Timestamp)
        };
        dataset.time = def.time.as_ref().map(|text| time(self, dataset, text));
        dataset.valid = def.valid.as_ref().map(|pair| Validity {
            from: time(self, dataset, &pair.from),
            to: time(self, dataset, &pair.to),
        });
        dataset.known_from = def.known_from.as_ref().map(|text| time(self, dataset, text));
        if dataset.known_from.is_none() {
            let start = dataset.valid.as_ref().map(|valid| valid.from.clone());
            dataset.known_from = dataset.time.clone().or(start);
        }
        if let (true, None) = (def.month_end, &dataset.time) {
            let found = Diagnostic::new(
                Code::MissingKey,
                def.name.span(),
                "`month_end` needs a `time`: the first day of the month",
            );
            self.out.push(found);
        }
    }

    fn map_dataset(&mut self, def: &DatasetDef, dataset: &mut Dataset) {
        let project = self.definitions.project.as_ref();
        let Some(mapping) = project.and_then(|project| project.canonical.get(def.name.as_str()))
        else {
            return;
        };
        if self.is_own(def.name.span()) {
            let message = format!("`{}` is mapped in `upswell.yml` and redefined", dataset.name);
            let found = Diagnostic::new(Code::MappedTwice, mapping.span, message);
            self.out.push(found.related(def.name.span(), "defined here"));
            return;
        }
        self.apply_mapping(dataset, mapping);
    }

    /// Joins need every dataset, so they come after all of them.
    pub(super) fn resolve_joins(&mut self, written: &Written) {
        for (name, def) in &written.datasets {
            let name = DatasetName::new(*name);
            for join in &def.joins {
                if let Some(bound) = self.join(&name, join)
                    && self.is_only_way(&name, &bound, join)
                    && let Some(dataset) = self.datasets.get_mut(name.as_str())
                {
                    dataset.as_of_joins.push(bound);
                }
            }
        }
    }

    fn join(&mut self, from: &DatasetName, def: &JoinDef) -> Option<AsOfJoin> {
        let bridge = self.dataset_name(&def.to)?;
        let at = self.use_time(from, &def.as_of)?;
        let weight = match &def.weight {
            Some(text) => Some(self.weight(&bridge, text)?),
            None => None,
        };
        self.validity(&bridge, def)?;
        if let [on] = self.shared_entities(from, &bridge).as_slice() {
            self.lead_to_attributes(&bridge, on);
        }
        let keys = self.datasets.get(&bridge).map(|found| found.keys.clone()).unwrap_or_default();
        let own = self.datasets.get(from).map(|found| found.keys.clone()).unwrap_or_default();
        let shared: Vec<&EntityName> = own.keys().filter(|key| keys.contains_key(*key)).collect();
        let others = keys.keys().filter(|key| !own.contains_key(*key)).count();
        if let ([on], true) = (shared.as_slice(), others > 0) {
            return Some(AsOfJoin { bridge, on: (*on).clone(), at, weight });
        }
        let (message, help) = mismatch((from, own.keys()), &bridge, &shared);
        let found = Diagnostic::new(Code::JoinMismatch, def.to.span, message);
        self.out.push(found.help(help));
        None
    }

    /// A column of numbers, as far as its type is declared.
    fn weight(&mut self, bridge: &DatasetName, text: &Text) -> Option<ColumnName> {
        let name = self.use_column(bridge, text)?;
        let column = self.datasets.get(bridge).and_then(|found| found.columns.get(&name));
        let declared = match column.map(|column| column.data_type) {
            Some(ColumnType::Bool) => "bool",
            Some(ColumnType::Date) => "date",
            Some(ColumnType::Timestamp) => "timestamp",
            _ => return Some(name),
        };
        let message = format!("`{name}` of `{bridge}` is declared as {declared}: it is no weight");
        let found = Diagnostic::new(Code::JoinMismatch, text.span, message);
        self.out.push(found.help("a weight is a number: declare the column as decimal"));
        None
    }

    fn shared_entities(&self, from: &DatasetName, bridge: &DatasetName) -> Vec<EntityName> {
        let (Some(from), Some(bridge)) = (self.datasets.get(from), self.datasets.get(bridge))
        else {
            return Vec::new();
        };
        from.keys.keys().filter(|entity| bridge.keys.contains_key(*entity)).cloned().collect()
    }

    /// Two joins to one entity would leave open whose rows count: at which instant, by which bridge.
    fn is_only_way(&mut self, from: &DatasetName, join: &AsOfJoin, def: &JoinDef) -> bool {
        let Some(dataset) = self.datasets.get(from) else { return false };
        let Some(bridge) = self.datasets.get(&join.bridge) else { return false };
        let twice = dataset
            .bridged(&self.datasets)
            .find(|(entity, _)| **entity != join.on && bridge.keys.contains_key(*entity));
        let Some((entity, first)) = twice else { return true };
        let message = format!(
            "`{from}` leads to `{entity}` twice: through `{}` at `{}`, and through `{}` at `{}`",
            first.bridge, first.at, join.bridge, join.at
        );
        let found = Diagnostic::new(Code::JoinMismatch, def.to.span, message);
        self.out.push(found.help(
            "keep one of the joins; for the other, define a second dataset over the same table",
        ));
        false
    }

    /// The bridge says from when to when its rows are valid, or the join says it for it.
    fn validity(&mut self, bridge: &DatasetName, def: &JoinDef) -> Option<()> {
        let known = self.datasets.get(bridge).and_then(|dataset| dataset.valid.clone());
        let Some(pair) = &def.valid else {
            if known.is_none() {
                let message = format!("`{bridge}` does not say when its rows are valid");
                let found = Diagnostic::new(Code::JoinMismatch, def.to.span, message);
                self.out.push(found.help("add `valid: [from, to]`"));
            }
            return known.map(|_| ());
        };
        let from = self.use_column(bridge, &pair.from)?;
        let to = self.use_column(bridge, &pair.to)?;
        let valid = Validity { from, to };
        if known.as_ref().is_some_and(|known| *known != valid) {
            let message = format!("`{bridge}` itself says another validity");
            self.report(Code::JoinMismatch, pair.from.span, message);
            return None;
        }
        let dataset = self.datasets.get_mut(bridge)?;
        if dataset.known_from.is_none() {
            dataset.known_from = Some(valid.from.clone());
        }
        dataset.valid = Some(valid);
        Some(())
    }
}

/// Why a dataset cannot be joined through a bridge, and what to write.
fn mismatch<'a>(
    (from, own): (&DatasetName, impl Iterator<Item = &'a EntityName>),
    bridge: &DatasetName,
    shared: &[&EntityName],
) -> (String, String) {
    let names = |entities: Vec<&EntityName>| {
        entities.iter().map(|entity| format!("`{entity}`")).collect::<Vec<_>>().join(", ")
    };
    let own = names(own.collect());
    match shared.len() {
        0 if own.is_empty() => (
            format!("`{from}` has no key of an entity to be joined by"),
            format!("give `{from}` and `{bridge}` a key of one entity (`keys: {{ customer: … }}`)"),
        ),
        0 => (
            format!("`{from}` and `{bridge}` share no entity"),
            format!("a bridge has one key in common: give `{bridge}` a key of {own}"),
        ),
        1 => (
            format!("`{bridge}` leads nowhere that `{from}` does not lead itself"),
            format!(
                "give `{bridge}` a dimension that is one of its columns (`dimensions: [{{ name: …, \
                 expr: column }}]`, of type text, int, bool or date), or a key of one more entity"
            ),
        ),
        _ => (
            format!("`{from}` and `{bridge}` share more than one entity"),
            format!("a bridge has one key in common, and these have {}", names(shared.to_vec())),
        ),
    }
}
