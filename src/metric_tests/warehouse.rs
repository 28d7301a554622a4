//! The warehouse of one test: its fixtures as Parquet, every other table empty.

use std::path::Path;

use crate::fixtures::{FixtureError, write_rows};
use crate::model::{BalanceShape, Dataset, DatasetName, MetricTest, Model};

/// The model over a folder of its own: the dataset's names for tables and columns, as fixtures use
/// them. Mapped values keep their mapping, so that rows may say either word.
pub fn build(model: &Model, test: &MetricTest, folder: &Path) -> Result<Model, FixtureError> {
    let mut model = Model { warehouse: folder.to_string_lossy().into_owned(), ..model.clone() };
    for dataset in model.datasets.values_mut() {
        isolate(dataset);
    }
    for dataset in model.datasets.values() {
        let given = test.given.iter().find(|fixture| fixture.dataset == dataset.name);
        if given.is_none() && is_other_shape(&model, test, &dataset.name) {
            continue;
        }
        let rows = given.map_or(&[][..], |fixture| &fixture.rows);
        write_rows(&folder.join(dataset.name.as_str()), dataset, rows, &model.calendar)?;
    }
    Ok(model)
}

fn isolate(dataset: &mut Dataset) {
    dataset.name.as_str().clone_into(&mut dataset.table);
    dataset.partition = None;
    for (name, column) in &mut dataset.columns {
        name.as_str().clone_into(&mut column.in_files);
        column.minor_units = None;
    }
}

/// Whether the test gives another shape of the same balance: then this one is not there, instead of
/// empty, so that the given one counts.
fn is_other_shape(model: &Model, test: &MetricTest, dataset: &DatasetName) -> bool {
    model.balances.values().any(|balance| {
        let shapes: Vec<&DatasetName> = balance.shapes.iter().map(BalanceShape::dataset).collect();
        shapes.contains(&dataset)
            && test.given.iter().any(|fixture| shapes.contains(&&fixture.dataset))
    })
}
