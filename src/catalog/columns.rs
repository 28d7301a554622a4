//! Declared against found: which column of the files stands behind each column of the dataset, and
//! how it is converted. What does not fit makes the table unavailable, in words.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use chrono_tz::Tz;

use super::TableProblem;
use super::convert::{Conversion, NARROW_PRECISION, Target, dictionary, is_string, scale_of};
use super::footer::Footer;
use crate::error::{ErrorCode, did_you_mean};
use crate::model::{Column, ColumnName, ColumnType, Dataset};

/// One schema that files of the table have, and the first file that has it.
#[derive(Debug, Clone)]
pub(super) struct FoundSchema {
    pub schema: SchemaRef,
    pub file: String,
}

/// A column as scans deliver it, and where the files keep it.
#[derive(Debug, Clone)]
pub(super) struct DeliveredColumn {
    pub name: ColumnName,
    pub in_files: String,
    pub target: Target,
}

/// The table as scans deliver it.
#[derive(Debug)]
pub(super) struct Delivered {
    pub dataset: crate::model::DatasetName,
    pub columns: Vec<DeliveredColumn>,
    pub schema: SchemaRef,
    /// What `check` should warn of.
    pub notes: Vec<String>,
    /// Decimals that some file has as floats, and the decimals each is rounded to.
    pub rounded: Vec<(ColumnName, i8)>,
    /// Columns that are mapped onto one that no file has, and so read as null.
    pub unmatched: Vec<String>,
}

impl Delivered {
    pub fn column(&self, name: &str) -> Option<&DeliveredColumn> {
        self.columns.iter().find(|column| column.name.as_str() == name)
    }

    /// The same table with these columns in the form that is taken in at least cost, where every
    /// file allows it: texts whose values are not mapped as plain texts instead of dictionaries,
    /// decimals in 64 bits.
    pub fn compact(&self, columns: &[ColumnName], files: &[&Footer]) -> Self {
        let target = |column: &DeliveredColumn| {
            let own = || column.target.clone();
            if !columns.contains(&column.name) {
                return own();
            }
            let all = |fits: &dyn Fn(&Footer, &Field) -> bool| {
                let found = |footer: &&Footer| {
                    let field = footer.schema.field_with_name(&column.in_files);
                    field.map_or(true, |field| fits(footer, field))
                };
                files.iter().all(found)
            };
            match &column.target {
                Target::Text(values)
                    if values.is_empty() && all(&|_, f| is_plain(f.data_type())) =>
                {
                    Target::Key
                }
                Target::Decimal { scale, minor_units: None }
                    if all(&|footer, field| is_narrow(footer, field, *scale)) =>
                {
                    Target::Narrow { scale: *scale }
                }
                _ => own(),
            }
        };
        let columns: Vec<DeliveredColumn> = self
            .columns
            .iter()
            .map(|column| DeliveredColumn { target: target(column), ..column.clone() })
            .collect();
        let fields =
            columns.iter().map(|c| Field::new(c.name.as_str(), c.target.arrow_type(), true));
        Self {
            dataset: self.dataset.clone(),
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            columns,
            notes: Vec::new(),
            rounded: self.rounded.clone(),
            unmatched: Vec::new(),
        }
    }

    /// The schema to read a file with: text as dictionaries, compact columns in their form,
    /// everything else as it is.
    pub fn read_schema(&self, found: &Schema) -> SchemaRef {
        let is_text = |field: &Field| {
            self.columns.iter().any(|column| {
                column.in_files == *field.name() && matches!(column.target, Target::Text(_))
            })
        };
        let compact = |field: &Field| {
            let targets = self.columns.iter().filter(|column| column.in_files == *field.name());
            let mut targets = targets.map(|column| &column.target);
            let found =
                targets.find(|target| matches!(target, Target::Key | Target::Narrow { .. }));
            found.map(|target| Arc::new(field.clone().with_data_type(target.arrow_type())))
        };
        let read_as = |field: &FieldRef| match field.data_type() {
            // The reader has no dictionaries of strings for bytes without an annotation.
            DataType::Binary if is_text(field) => {
                Arc::new(Field::clone(field).with_data_type(DataType::Utf8))
            }
            found if is_string(found) && is_text(field) => {
                Arc::new(Field::clone(field).with_data_type(dictionary()))
            }
            _ => Arc::clone(field),
        };
        let fields =
            found.fields().iter().map(|field| compact(field).unwrap_or_else(|| read_as(field)));
        Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), found.metadata().clone()))
    }
}

/// Checks every declared column against every schema found.
pub(super) fn resolve_columns(
    dataset: &Dataset,
    zone: Tz,
    found: &[FoundSchema],
) -> Result<Delivered, TableProblem> {
    let resolver = Resolver { dataset, zone, found };
    let columns =
        dataset.columns.values().map(|c| resolver.column(c)).collect::<Result<Vec<_>, _>>()?;
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| Field::new(column.name.as_str(), column.target.arrow_type(), true))
        .collect();
    let rounded: Vec<Rounded<'_>> =
        columns.iter().filter_map(|column| resolver.rounded(column)).collect();
    let notes = rounded.iter().map(|rounded| resolver.note(rounded)).collect();
    let rounded = rounded.into_iter().map(|found| (found.column.clone(), found.scale)).collect();
    let unmatched = dataset.columns.values().filter_map(|c| resolver.unmatched(c)).collect();
    let schema = Arc::new(Schema::new(fields));
    let dataset = dataset.name.clone();
    Ok(Delivered { dataset, columns, schema, notes, rounded, unmatched })
}

/// A decimal that some file has as floats, and the first that has.
struct Rounded<'a> {
    column: &'a ColumnName,
    scale: i8,
    file: &'a str,
}

struct Resolver<'a> {
    dataset: &'a Dataset,
    zone: Tz,
    found: &'a [FoundSchema],
}

impl Resolver<'_> {
    fn column(&self, column: &Column) -> Result<DeliveredColumn, TableProblem> {
        if let Some(missing) = self.found.iter().find(|f| field(f, &column.in_files).is_none())
            && !column.optional
        {
            return Err(self.missing(column, missing));
        }
        let target = self.target(column);
        for (file, data_type) in self.types(&column.in_files) {
            if Conversion::between(data_type, &target).is_none() {
                return Err(self.unfit(column, file, data_type));
            }
        }
        Ok(DeliveredColumn { name: column.name.clone(), in_files: column.in_files.clone(), target })
    }

    fn types(&self, in_files: &str) -> impl Iterator<Item = (&FoundSchema, &DataType)> {
        self.found.iter().filter_map(move |f| Some((f, field(f, in_files)?.data_type())))
    }

    fn target(&self, column: &Column) -> Target {
        let decimal = |declared: u8| {
            let least = declared.max(column.minor_units.unwrap_or_default());
            let scale = self
                .types(&column.in_files)
                .filter_map(|(_, found)| scale_of(found))
                .fold(i8::try_from(least).unwrap_or(i8::MAX), i8::max);
            Target::Decimal { scale, minor_units: column.minor_units }
        };
        match column.data_type {
            ColumnType::Text => Target::Text(Arc::new(column.values.clone())),
            ColumnType::Int => Target::Int,
            ColumnType::Decimal { scale } => decimal(scale),
            ColumnType::Float => Target::Float,
            ColumnType::Bool => Target::Bool,
            ColumnType::Date => Target::Date,
            ColumnType::Timestamp => Target::Timestamp { zone: self.zone },
            ColumnType::AsFound => self.as_found(column, &decimal),
        }
    }

    /// The narrowest of our types that holds what all files have.
    fn as_found(&self, column: &Column, decimal: &dyn Fn(u8) -> Target) -> Target {
        let types: Vec<&DataType> = self.types(&column.in_files).map(|(_, found)| found).collect();
        let all = |fits: fn(&DataType) -> bool| types.iter().all(|found| fits(found));
        let Some(first) = types.first() else {
            return Target::Text(Arc::new(column.values.clone()));
        };
        if all(is_string) {
            Target::Text(Arc::new(column.values.clone()))
        } else if all(DataType::is_integer) && column.minor_units.is_none() {
            Target::Int
        } else if all(DataType::is_decimal) || column.minor_units.is_some() {
            decimal(0)
        } else if all(DataType::is_numeric) && !types.iter().any(|found| found.is_decimal()) {
            Target::Float
        } else if all(|found| *found == DataType::Boolean) {
            Target::Bool
        } else if all(|found| matches!(found, DataType::Date32 | DataType::Date64)) {
            Target::Date
        } else if all(DataType::is_temporal)
            && Conversion::between(first, &self.instant()).is_some()
        {
            self.instant()
        } else {
            Target::Same(DataType::clone(first))
        }
    }

    fn instant(&self) -> Target {
        Target::Timestamp { zone: self.zone }
    }

    fn missing(&self, column: &Column, missing: &FoundSchema) -> TableProblem {
        let names = missing.schema.fields().iter().map(|f| f.name().as_str());
        let table = &self.dataset.name;
        let mut message = format!(
            "table `{table}`: column `{}` is missing: file `{}` has no column `{}`.{}",
            column.name,
            missing.file,
            column.in_files,
            did_you_mean(&column.in_files, names),
        );
        message.push_str(&self.where_to_map());
        TableProblem::new(ErrorCode::BadData, message)
    }

    fn unfit(&self, column: &Column, file: &FoundSchema, found: &DataType) -> TableProblem {
        let is_money = matches!(column.data_type, ColumnType::Decimal { .. });
        let advice = if is_money && found.is_integer() && column.minor_units.is_none() {
            " If these are minor units (cents), declare `minor_units` for it.".to_owned()
        } else {
            self.where_to_map()
        };
        let message = format!(
            "table `{}`: column `{}` must be {}, but column `{}` of file `{}` holds {}.{advice}",
            self.dataset.name,
            column.name,
            declared_words(column.data_type),
            column.in_files,
            file.file,
            found_words(found),
        );
        TableProblem::new(ErrorCode::BadData, message)
    }

    /// Whoever maps an optional column means one that is there.
    fn unmatched(&self, column: &Column) -> Option<String> {
        let is_mapped = column.in_files != column.name.as_str()
            || !column.values.is_empty()
            || column.minor_units.is_some();
        let there = self.types(&column.in_files).next().is_some();
        let file = self.found.first().filter(|_| column.optional && is_mapped && !there)?;
        let names = file.schema.fields().iter().map(|field| field.name().as_str());
        Some(format!(
            "table `{}`: column `{}` is mapped onto `{}`, which no file has, and reads as null.{}{}",
            self.dataset.name,
            column.name,
            column.in_files,
            did_you_mean(&column.in_files, names),
            self.where_to_map(),
        ))
    }

    fn where_to_map(&self) -> String {
        if self.dataset.source.file.starts_with("canonical/") {
            format!(" Another name is mapped under `canonical.{}.columns`.", self.dataset.name)
        } else {
            " The dataset's definition says which column of the files it is.".to_owned()
        }
    }

    fn rounded<'c>(&'c self, column: &'c DeliveredColumn) -> Option<Rounded<'c>> {
        let Target::Decimal { scale, .. } = column.target else { return None };
        let (file, _) = self.types(&column.in_files).find(|(_, found)| found.is_floating())?;
        Some(Rounded { column: &column.name, scale, file: &file.file })
    }

    fn note(&self, Rounded { column, scale, file }: &Rounded<'_>) -> String {
        format!(
            "table `{}`: column `{column}` holds floating-point numbers (file `{file}`); each is \
             rounded once, to {scale} decimals",
            self.dataset.name
        )
    }
}

/// Strings that readers can deliver as they are.
/// Whether the file holds the decimal as an integer, in this scale.
fn is_narrow(footer: &Footer, field: &Field, scale: i8) -> bool {
    let fits = |precision: u8, found: i8| precision <= NARROW_PRECISION && found == scale;
    matches!(field.data_type(), DataType::Decimal128(precision, found) if fits(*precision, *found))
        && footer.is_integer(field.name())
}

fn is_plain(found: &DataType) -> bool {
    match found {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => is_plain(value),
        _ => false,
    }
}

fn field<'a>(found: &'a FoundSchema, name: &str) -> Option<&'a Field> {
    found.schema.field_with_name(name).ok()
}

fn declared_words(declared: ColumnType) -> &'static str {
    match declared {
        ColumnType::Text => "text",
        ColumnType::Int => "an integer",
        ColumnType::Decimal { .. } => "a decimal",
        ColumnType::Float => "a number",
        ColumnType::Bool => "a boolean",
        ColumnType::Date => "a date",
        ColumnType::Timestamp => "a timestamp or date",
        ColumnType::AsFound => "of one type in all files",
    }
}

fn found_words(found: &DataType) -> String {
    match found {
        other if is_string(other) => "text".to_owned(),
        other if other.is_integer() => "integers".to_owned(),
        other if other.is_floating() => "floating-point numbers".to_owned(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::Boolean => "booleans".to_owned(),
        DataType::Date32 | DataType::Date64 => "dates".to_owned(),
        DataType::Timestamp(..) => "timestamps".to_owned(),
        DataType::Null => "only nulls, without a type".to_owned(),
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
            "lists".to_owned()
        }
        DataType::Struct(_) | DataType::Map(..) => "nested records".to_owned(),
        DataType::FixedSizeBinary(_) => "binary values".to_owned(),
        _ => "values of another type".to_owned(),
    }
}
