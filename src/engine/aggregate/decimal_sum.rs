//! Sums of decimals that fail where they do not fit into 38 digits. The engine's own wraps there: a
//! wrong number.

use std::hash::{Hash, Hasher};
use std::mem::size_of_val;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::compute::sum_checked;
use arrow::datatypes::{DataType, Decimal128Type};
use datafusion::common::utils::take_function_args;
use datafusion::error::{DataFusionError, Result};
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, Signature,
};
use datafusion::scalar::ScalarValue;
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::prim_op::PrimitiveGroupsAccumulator;

use crate::error::ApiError;

const NAME: &str = "decimal_sum";

/// The sum of a decimal; where it does not fit, the question fails with the error.
pub fn decimal_sum(value: Expr, too_large: ApiError) -> Expr {
    let sum = DecimalSum { sum: Sum::new(), too_large };
    AggregateUDF::new_from_impl(sum).call(vec![value])
}

/// The engine's sum, checked.
#[derive(Debug, PartialEq, Eq)]
struct DecimalSum {
    sum: Sum,
    too_large: ApiError,
}

impl Hash for DecimalSum {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sum.hash(state);
        self.too_large.message.hash(state);
    }
}

impl AggregateUDFImpl for DecimalSum {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        self.sum.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.sum.return_type(types)
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let data_type = arguments.return_field.data_type().clone();
        Ok(Box::new(OfAll { sum: None, data_type, too_large: self.too_large.clone() }))
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        !arguments.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        arguments: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(OfGroups::new(arguments.return_field.data_type(), self.too_large.clone())))
    }
}

/// The sum of all rows.
#[derive(Debug)]
struct OfAll {
    sum: Option<i128>,
    data_type: DataType,
    too_large: ApiError,
}

impl Accumulator for OfAll {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values] = take_function_args(NAME, values)?;
        let added = match sum_checked(values.as_primitive::<Decimal128Type>()) {
            Ok(None) => return Ok(()),
            Ok(Some(sum)) => self.sum.unwrap_or(0).checked_add(sum),
            Err(_) => None,
        };
        self.sum = Some(added.ok_or_else(|| external(&self.too_large))?);
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::new_primitive::<Decimal128Type>(self.sum, &self.data_type)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.evaluate().map(|sum| vec![sum])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}

/// The sums of groups.
struct OfGroups {
    sums: Box<dyn GroupsAccumulator>,
    /// Whether some sum did not fit.
    overflowed: Arc<AtomicBool>,
    too_large: ApiError,
}

impl OfGroups {
    fn new(data_type: &DataType, too_large: ApiError) -> Self {
        let overflowed = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&overflowed);
        let add = move |sum: &mut i128, value: i128| match sum.checked_add(value) {
            Some(added) => *sum = added,
            None => seen.store(true, Ordering::Relaxed),
        };
        let sums = PrimitiveGroupsAccumulator::<Decimal128Type, _>::new(data_type, add);
        Self { sums: Box::new(sums), overflowed, too_large }
    }

    fn check(&self) -> Result<()> {
        match self.overflowed.load(Ordering::Relaxed) {
            true => Err(external(&self.too_large)),
            false => Ok(()),
        }
    }
}

impl GroupsAccumulator for OfGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.sums.update_batch(values, groups, filter, count)?;
        self.check()
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        self.sums.evaluate(emit)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.sums.state(emit)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.sums.merge_batch(states, groups, count)?;
        self.check()
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.sums.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.sums.size()
    }
}

fn external(error: &ApiError) -> DataFusionError {
    DataFusionError::External(Box::new(error.clone()))
}
