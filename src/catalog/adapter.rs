//! How `DataFusion` sees each file through the dataset's eyes: columns renamed and converted, file
//! by file, since files of one table may differ.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::common::internal_err;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, Operator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal};
use datafusion::physical_expr_adapter::{PhysicalExprAdapter, PhysicalExprAdapterFactory};

use super::columns::{Delivered, DeliveredColumn};
use super::convert::Conversion;
use crate::model::DatasetName;

/// A value that its declared type cannot hold.
#[derive(Debug, thiserror::Error)]
#[error("column {column} of table {dataset} cannot be converted")]
pub(super) struct ConversionError {
    pub dataset: DatasetName,
    pub column: String,
    pub source: ArrowError,
}

/// A column of one file, converted.
#[derive(Debug, Clone)]
pub(super) struct ConvertExpr {
    input: Arc<dyn PhysicalExpr>,
    conversion: Conversion,
    to: DataType,
    dataset: DatasetName,
    column: String,
}

// By hand: derived comparisons would move the `Arc<dyn …>` (rust-lang/rust#78808).
impl PartialEq for ConvertExpr {
    fn eq(&self, other: &Self) -> bool {
        self.input.eq(&other.input)
            && self.conversion == other.conversion
            && self.to == other.to
            && self.dataset == other.dataset
            && self.column == other.column
    }
}

impl Eq for ConvertExpr {}

impl Hash for ConvertExpr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.input.hash(state);
        self.conversion.hash(state);
        self.column.hash(state);
    }
}

impl ConvertExpr {
    fn convert(&self, array: &ArrayRef) -> Result<ArrayRef> {
        self.conversion.apply(array).map_err(|source| {
            let (dataset, column) = (self.dataset.clone(), self.column.clone());
            DataFusionError::External(Box::new(ConversionError { dataset, column, source }))
        })
    }
}

impl fmt::Display for ConvertExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CONVERT({}, {})", self.input, self.to)
    }
}

impl PhysicalExpr for ConvertExpr {
    fn data_type(&self, _input_schema: &Schema) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn nullable(&self, _input_schema: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        match self.input.evaluate(batch)? {
            ColumnarValue::Array(array) => Ok(ColumnarValue::Array(self.convert(&array)?)),
            ColumnarValue::Scalar(value) => {
                let one = self.convert(&value.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&one, 0)?))
            }
        }
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let [input] = children.as_slice() else {
            return internal_err!("a conversion has one input, not {}", children.len());
        };
        Ok(Arc::new(Self { input: Arc::clone(input), ..Self::clone(&self) }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Makes one [`FileAdapter`] per file.
#[derive(Debug)]
pub(super) struct FileAdapters(pub Arc<Delivered>);

impl PhysicalExprAdapterFactory for FileAdapters {
    fn create(
        &self,
        _delivered: SchemaRef,
        file_schema: SchemaRef,
    ) -> Result<Arc<dyn PhysicalExprAdapter>> {
        Ok(Arc::new(FileAdapter { delivered: Arc::clone(&self.0), file_schema }))
    }
}

#[derive(Debug)]
struct FileAdapter {
    delivered: Arc<Delivered>,
    file_schema: SchemaRef,
}

impl PhysicalExprAdapter for FileAdapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        expr.transform_up(|expr| {
            if let Some(column) = expr.downcast_ref::<Column>() {
                return self.column(column).map(Transformed::yes);
            }
            let on_file = expr.downcast_ref::<BinaryExpr>().and_then(|b| self.on_file_column(b));
            Ok(on_file.map_or_else(|| Transformed::no(expr), Transformed::yes))
        })
        .data()
    }
}

impl FileAdapter {
    /// The file's column behind a delivered one; null where the file has none.
    fn column(&self, column: &Column) -> Result<Arc<dyn PhysicalExpr>> {
        let Some(delivered) = self.delivered.column(column.name()) else {
            return internal_err!("column {} is not delivered", column.name());
        };
        let Ok(index) = self.file_schema.index_of(&delivered.in_files) else {
            let null = ScalarValue::try_new_null(&delivered.target.arrow_type())?;
            return Ok(Arc::new(Literal::new(null)));
        };
        self.converted(delivered, index)
    }

    fn converted(
        &self,
        delivered: &DeliveredColumn,
        index: usize,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let found = self.file_schema.field(index).data_type();
        let input = Arc::new(Column::new(&delivered.in_files, index));
        match Conversion::between(found, &delivered.target) {
            Some(Conversion::Keep) => Ok(input),
            Some(conversion) => Ok(Arc::new(ConvertExpr {
                input,
                conversion,
                to: delivered.target.arrow_type(),
                dataset: self.delivered.dataset.clone(),
                column: delivered.name.as_str().to_owned(),
            })),
            None => internal_err!("column {} has a type that was not found before", delivered.name),
        }
    }

    /// `converted(c) ≥ x` as a condition on `c` itself, which the file's statistics can decide.
    fn on_file_column(&self, binary: &BinaryExpr) -> Option<Arc<dyn PhysicalExpr>> {
        let (convert, op, literal) = match (binary.left(), binary.right()) {
            (left, right) if right.downcast_ref::<Literal>().is_some() => {
                (left, *binary.op(), right)
            }
            (left, right) => (right, binary.op().swap()?, left),
        };
        let convert = convert.downcast_ref::<ConvertExpr>()?;
        let ScalarValue::TimestampMicrosecond(Some(bound), None) =
            literal.downcast_ref::<Literal>()?.value()
        else {
            return None;
        };
        let found = convert.input.data_type(&self.file_schema).ok()?;
        let first = |bound: i64| convert.conversion.first_at_or_after(&found, bound);
        let compare = |op: Operator, value: ScalarValue| -> Arc<dyn PhysicalExpr> {
            Arc::new(BinaryExpr::new(Arc::clone(&convert.input), op, Arc::new(Literal::new(value))))
        };
        let next = bound.checked_add(1)?;
        Some(match op {
            Operator::GtEq => compare(Operator::GtEq, first(*bound)?),
            Operator::Gt => compare(Operator::GtEq, first(next)?),
            Operator::Lt => compare(Operator::Lt, first(*bound)?),
            Operator::LtEq => compare(Operator::Lt, first(next)?),
            Operator::Eq => Arc::new(BinaryExpr::new(
                compare(Operator::GtEq, first(*bound)?),
                Operator::And,
                compare(Operator::Lt, first(next)?),
            )),
            _ => return None,
        })
    }
}
