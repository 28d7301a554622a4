//! Reading columns of one dataset's pinned snapshot, batch by batch.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::common::spawn_buffered;
use futures::TryStreamExt;
use futures::executor::block_on;
use tokio::task::JoinSet;

use crate::catalog::{Catalog, DataFile, TableSnapshot, WarehouseView, catch_panics};
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::model::{ColumnName, DatasetName};
use crate::values::Calendar;

/// Batches that are decoded before they are wanted.
const AHEAD: usize = 2;

/// Takes in the batches of one part of a table.
pub trait Visit: Send + 'static {
    fn visit(&mut self, batch: &[ArrayRef]) -> ApiResult<()>;
}

/// Why a part could not be read.
enum Failure {
    Refused(ApiError),
    Engine(DataFusionError),
}

/// Reads through one session against one view of the warehouse.
#[derive(Clone)]
pub struct Reader<'a> {
    pub catalog: &'a Catalog,
    pub session: &'a SessionContext,
    pub view: &'a WarehouseView,
    pub calendar: &'a Calendar,
    /// Most bytes that are read into memory at a time.
    pub bound: u64,
}

impl Reader<'_> {
    pub fn table(&self, dataset: &DatasetName) -> ApiResult<&TableSnapshot> {
        self.view.table(dataset).map(AsRef::as_ref)
    }

    /// Every batch of the columns, in no particular order.
    pub async fn scan(
        &self,
        dataset: &DatasetName,
        columns: &[ColumnName],
        visit: impl FnMut(&[ArrayRef]) -> ApiResult<()>,
    ) -> ApiResult<()> {
        let table = self.table(dataset)?;
        self.check_bound(table, columns.len())?;
        let plan = table.scan(columns, None)?;
        self.execute(plan, &[table], visit).await
    }

    /// Every row of the columns, some of them compact (keys as plain texts, money in 64 bits), in
    /// parts that are read and taken in at the same time.
    pub async fn read<V: Visit + Clone>(
        &self,
        dataset: &DatasetName,
        columns: &[ColumnName],
        compact: &[ColumnName],
        visitor: &V,
    ) -> ApiResult<Vec<V>> {
        self.read_files(dataset, (columns, compact), |_| true, visitor).await
    }

    /// The same of those files that pass.
    pub async fn read_files<V: Visit + Clone>(
        &self,
        dataset: &DatasetName,
        (columns, compact): (&[ColumnName], &[ColumnName]),
        passes: impl Fn(&DataFile) -> bool,
        visitor: &V,
    ) -> ApiResult<Vec<V>> {
        let table = self.table(dataset)?;
        self.check_bound(table, columns.len())?;
        let plan = table.scan_files(columns, compact, passes)?;
        self.visit(plan, &[table], || visitor.clone()).await
    }

    /// Every batch of a plan over the tables, in parts that are read and taken in at the same time;
    /// each part has a visitor of its own. They come back in the order of the parts.
    pub async fn visit<V: Visit>(
        &self,
        plan: LogicalPlan,
        tables: &[&TableSnapshot],
        visitor: impl Fn() -> V,
    ) -> ApiResult<Vec<V>> {
        let streams = async {
            self.session.execute_logical_plan(plan).await?.execute_stream_partitioned().await
        };
        let streams = match streams.await {
            Ok(streams) => streams,
            Err(error) => return Err(self.catalog.diagnose(&error, tables).await),
        };
        // The set ends its tasks when this future is dropped: nothing reads on for nobody.
        let mut parts = JoinSet::new();
        let mut visitors: Vec<Option<V>> = Vec::new();
        // Where there are fewer parts than cores, one decodes and another takes in: on a thread of its
        // own, for tasks that wake each other stay on one. It ends when this future is dropped, too.
        let read_ahead = streams.len() < self.session.copied_config().target_partitions();
        let reader = Arc::new(());
        for (place, stream) in streams.into_iter().enumerate() {
            let visitor = visitor();
            visitors.push(None);
            if read_ahead {
                let (stream, reader) = (spawn_buffered(stream, AHEAD), Arc::downgrade(&reader));
                let is_wanted = move || reader.strong_count() > 0;
                let taking = take_in(stream, visitor, is_wanted);
                parts.spawn_blocking(move || (place, block_on(taking)));
            } else {
                parts.spawn(async move { (place, take_in(stream, visitor, || true).await) });
            }
        }
        while let Some(part) = parts.join_next().await {
            let (place, taken) = part.map_err(|error| {
                tracing::error!(%error, "a part of a table was not read");
                ApiError::new(ErrorCode::Internal, "A table could not be read.")
            })?;
            match taken {
                Ok(visitor) => visitors[place] = Some(visitor),
                Err(Failure::Refused(error)) => return Err(error),
                Err(Failure::Engine(error)) => {
                    return Err(self.catalog.diagnose(&error, tables).await);
                }
            }
        }
        Ok(visitors.into_iter().flatten().collect())
    }

    /// Refuses what would not fit before it is read: a column takes a code, an instant or an amount
    /// a row.
    ///
    /// # Errors
    /// `RESOURCE_LIMIT` with the table's name and the setting's.
    pub fn check_bound(&self, table: &TableSnapshot, columns: usize) -> ApiResult<()> {
        const OF_EACH: u64 = 8;
        let needed = table.rows.saturating_mul(columns as u64 * OF_EACH);
        if needed <= self.bound {
            return Ok(());
        }
        Err(ApiError::new(
            ErrorCode::ResourceLimit,
            format!(
                "`{}` has {} rows: {columns} of its columns take about {} MiB, more than the {} MiB \
                 that this server has for facts (`facts_memory_mib`).",
                table.dataset,
                table.rows,
                needed >> 20,
                self.bound >> 20
            ),
        ))
    }

    /// Every batch of a plan over the tables.
    pub async fn execute(
        &self,
        plan: LogicalPlan,
        tables: &[&TableSnapshot],
        mut visit: impl FnMut(&[ArrayRef]) -> ApiResult<()>,
    ) -> ApiResult<()> {
        let stream =
            async { self.session.execute_logical_plan(plan).await?.execute_stream().await };
        let mut stream = match stream.await {
            Ok(stream) => catch_panics(stream),
            Err(error) => return Err(self.catalog.diagnose(&error, tables).await),
        };
        loop {
            match stream.try_next().await {
                Ok(Some(batch)) => visit(columns_of(&batch))?,
                Ok(None) => return Ok(()),
                Err(error) => return Err(self.catalog.diagnose(&error, tables).await),
            }
        }
    }
}

async fn take_in<V: Visit>(
    stream: SendableRecordBatchStream,
    mut visitor: V,
    is_wanted: impl Fn() -> bool,
) -> Result<V, Failure> {
    let mut stream = catch_panics(stream);
    while let Some(batch) = stream.try_next().await.map_err(Failure::Engine)?
        && is_wanted()
    {
        visitor.visit(columns_of(&batch)).map_err(Failure::Refused)?;
    }
    Ok(visitor)
}

fn columns_of(batch: &RecordBatch) -> &[ArrayRef] {
    batch.columns()
}

/// A column of a visited batch.
pub fn column(batch: &[ArrayRef], index: usize) -> ApiResult<&ArrayRef> {
    batch
        .get(index)
        .ok_or_else(|| ApiError::new(ErrorCode::Internal, "A column is missing from a read."))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use arrow::array::Int64Array;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use futures::stream;

    use super::*;

    #[derive(Debug, Default)]
    struct Rows(Vec<usize>);

    impl Visit for Rows {
        fn visit(&mut self, batch: &[ArrayRef]) -> ApiResult<()> {
            self.0.push(column(batch, 0)?.len());
            Ok(())
        }
    }

    #[test]
    fn nobody_takes_in_what_nobody_waits_for() {
        let batch = |rows: i64| {
            let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
            RecordBatch::try_from_iter([("number", column)]).unwrap()
        };
        let batches = [batch(3), batch(2), batch(1)];
        let taken = |wanted: usize| {
            let schema = batches[0].schema();
            let batches = stream::iter(batches.clone().map(Ok));
            let stream = Box::pin(RecordBatchStreamAdapter::new(schema, batches));
            let asked = AtomicUsize::new(0);
            let is_wanted = || asked.fetch_add(1, Ordering::Relaxed) < wanted;
            block_on(take_in(stream, Rows::default(), is_wanted)).ok().map(|rows| rows.0)
        };
        assert_eq!(taken(usize::MAX), Some(vec![3, 2, 1]));
        assert_eq!(taken(1), Some(vec![3]));
    }
}
