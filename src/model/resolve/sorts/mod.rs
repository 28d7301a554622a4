//! What expressions over declared columns are sure to give, so that what makes no sense is refused
//! where it is written. What a table says only when it is read is checked then.

mod calls;
mod infer;

use super::Resolver;
use super::expression::{Refusal, parse};
use crate::definitions::Text;
use crate::diagnostics::{Code, Diagnostic};
use crate::model::{Aggregate, ColumnName, ColumnType, DatasetName};

/// The sorts of values that operators tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Text,
    Number,
    Bool,
    Time,
}

impl Sort {
    /// None: only the table says.
    fn of(column: ColumnType) -> Option<Self> {
        Some(match column {
            ColumnType::Text => Self::Text,
            ColumnType::Int | ColumnType::Decimal { .. } | ColumnType::Float => Self::Number,
            ColumnType::Bool => Self::Bool,
            ColumnType::Date | ColumnType::Timestamp => Self::Time,
            ColumnType::AsFound => return None,
        })
    }

    fn word(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::Time => "a time",
        }
    }

    /// What a dimension of it says of its type.
    fn types(self) -> &'static str {
        match self {
            Self::Text => "write `type: text`",
            Self::Number => "write `type: int`, `decimal` or `float`",
            Self::Bool => "write `type: bool`",
            Self::Time => "write `type: date` or `timestamp`",
        }
    }
}

fn unfit(message: String, help: &str) -> Refusal {
    Refusal { code: Code::ExpressionNotAllowed, message, help: Some(help.to_owned()) }
}

impl Resolver<'_> {
    /// A row's condition must be true or false.
    pub(super) fn check_condition(&mut self, dataset: &DatasetName, text: &Text) {
        let found = parse(&text.value).and_then(|expr| match self.sort(dataset, &expr)? {
            None | Some(Sort::Bool) => Ok(()),
            Some(other) => Err(unfit(
                format!("`{}` is {}, and a filter is true or false", text.value, other.word()),
                "compare it: `column = 'value'`",
            )),
        });
        self.note_unfit(text, found);
    }

    /// What is aggregated must be of a sort that can be.
    pub(super) fn check_aggregated(
        &mut self,
        dataset: &DatasetName,
        text: &Text,
        aggregate: Aggregate,
    ) {
        let found = parse(&text.value).and_then(|expr| {
            let Some(sort) = self.sort(dataset, &expr)? else { return Ok(()) };
            let is_counted = matches!(aggregate, Aggregate::Count | Aggregate::CountDistinct);
            if is_counted || sort == Sort::Number {
                return Ok(());
            }
            Err(unfit(
                format!("`{}` is {}, and this metric aggregates numbers", text.value, sort.word()),
                "aggregate a column of numbers, or count: `aggregate: count_distinct`",
            ))
        });
        self.note_unfit(text, found);
    }

    /// A dimension's values must be what it says of their type, text where it says nothing.
    pub(super) fn check_dimension(
        &mut self,
        dataset: &DatasetName,
        text: &Text,
        (data_type, is_said): (ColumnType, bool),
    ) {
        let found = parse(&text.value).and_then(|expr| {
            let sorts = (self.sort(dataset, &expr)?, Sort::of(data_type));
            let (Some(found), Some(said)) = sorts else { return Ok(()) };
            if found == said {
                return Ok(());
            }
            Err(unfit(
                format!(
                    "`{}` is {}, and the dimension's values are {}",
                    text.value,
                    found.word(),
                    match said {
                        Sort::Text if !is_said => "texts unless its `type` says otherwise",
                        Sort::Text => "texts",
                        Sort::Number => "numbers",
                        Sort::Bool => "true or false",
                        Sort::Time => "times",
                    }
                ),
                found.types(),
            ))
        });
        self.note_unfit(text, found);
    }

    /// A declared column that says when must be a time.
    pub(super) fn use_time(&mut self, dataset: &DatasetName, text: &Text) -> Option<ColumnName> {
        let name = self.use_column(dataset, text)?;
        match self.sort_of(dataset, name.as_str()) {
            None | Some(Sort::Time) => Some(name),
            Some(other) => {
                let message = format!("`{name}` of `{dataset}` is {}, and no time", other.word());
                let found = Diagnostic::new(Code::InvalidValue, text.span, message);
                self.out.push(found.help("name a column of type timestamp or date"));
                None
            }
        }
    }

    /// Reports at the part that the message begins with, where it stands as it is quoted.
    fn note_unfit(&mut self, text: &Text, found: Result<(), Refusal>) {
        let Err(refusal) = found else { return };
        let part = refusal.message.split('`').nth(1).unwrap_or_default();
        let place = Text { span: self.narrow(text.span, part), value: text.value.clone() };
        self.refused(&place, refusal);
    }

    fn sort_of(&self, dataset: &DatasetName, column: &str) -> Option<Sort> {
        let found = self.datasets.get(dataset)?.columns.get(column)?;
        Sort::of(found.data_type)
    }
}
