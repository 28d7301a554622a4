//! Reading columns of one dataset's pinned snapshot, batch by batch.

use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::LogicalPlan;
use futures::TryStreamExt;

use crate::catalog::{Catalog, TableSnapshot, WarehouseView, catch_panics};
use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::model::{ColumnName, DatasetName};
use crate::values::Calendar;

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

    /// Refuses what would not fit before it is read: a column takes a code, an instant or an amount
    /// a row.
    fn check_bound(&self, table: &TableSnapshot, columns: usize) -> ApiResult<()> {
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

fn columns_of(batch: &RecordBatch) -> &[ArrayRef] {
    batch.columns()
}

/// A column of a visited batch.
pub fn column(batch: &[ArrayRef], index: usize) -> ApiResult<&ArrayRef> {
    batch
        .get(index)
        .ok_or_else(|| ApiError::new(ErrorCode::Internal, "A column is missing from a read."))
}
