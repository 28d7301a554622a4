//! The closed list of codes. Numbers are stable: they are in people's CI and bookmarks.

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The definitions are not used.
    Error,
    /// They are used; something is probably not as meant.
    Warning,
}

impl Severity {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// What kind of thing is wrong: 00 files, 01 YAML, 02 shape, 03 names, 04 references,
/// 05 expressions, 06 meaning, 07 warnings, 08 data
/// (`check --data`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A file cannot be read.
    Unreadable,
    /// Not valid YAML.
    YamlSyntax,
    /// A tab in the indentation.
    TabIndent,
    /// A key twice in one mapping.
    DuplicateKey,
    /// A definition file that is too large.
    TooLarge,
    /// A key that does not exist here.
    UnknownKey,
    /// A required key is missing.
    MissingKey,
    /// A value of another type is expected.
    WrongType,
    /// A word that is not one of the choices.
    UnknownChoice,
    /// A value that cannot be meant.
    InvalidValue,
    /// A name that breaks the rules for names.
    InvalidName,
    /// A name that means something else already.
    ReservedName,
    /// A name that is taken.
    DuplicateName,
    /// A dataset that does not exist.
    UnknownDataset,
    /// A column that does not exist.
    UnknownColumn,
    /// A metric that does not exist.
    UnknownMetric,
    /// A dimension that does not exist.
    UnknownDimension,
    /// A balance that does not exist.
    UnknownBalance,
    /// A key that leads nowhere.
    UnknownEntity,
    /// A typed field that does not exist.
    UnknownField,
    /// An expression that cannot be parsed.
    ExpressionSyntax,
    /// An expression that does more than it may.
    ExpressionNotAllowed,
    /// A function that is not on the list.
    UnknownFunction,
    /// Metrics that are defined by each other.
    MetricCycle,
    /// A metric of a kind that does not fit.
    WrongMetricKind,
    /// A typed field that two metrics answer.
    FieldTaken,
    /// A join that does not fit its bridge.
    JoinMismatch,
    /// A table that is mapped and redefined.
    MappedTwice,
    /// Bands that overlap.
    BandOverlap,
    /// A value mapped onto a movement class that does not exist.
    UnknownClass,
    /// A filter over a dimension that the metric does not have.
    FilterMismatch,
    /// A variant that does not fit its base.
    VariantMismatch,
    /// Earlier versions of a definition that are out of order.
    VersionOrder,
    /// Targets that overlap.
    TargetOverlap,
    /// A deprecated metric is used.
    DeprecatedUsed,
    /// A metric that nothing can group.
    NothingGroups,
    /// A mapping of values without a column that needs it.
    UnusedMapping,
    /// A table that is not there.
    TableNotThere,
    /// A table that does not fit its definition.
    TableUnfit,
    /// A store that does not answer.
    StoreDown,
    /// Money kept as floating-point numbers.
    FloatMoney,
    /// Rows that count nowhere.
    RowsLeftOut,
    /// A movement class that no mapping names.
    UnmappedClass,
    /// A sign that contradicts its class.
    SignAgainstClass,
    /// A key that is there more than once.
    DuplicateRows,
    /// Shapes of one balance that disagree.
    ShapesDisagree,
    /// A customer without an owner in between.
    OwnershipGap,
    /// Several owners at once without a share each.
    OwnershipOverlap,
    /// Shares that do not sum to one.
    SharesNotOne,
    /// A column mapped onto one that the files lack.
    MappingUnmatched,
    /// Rows that end before they begin.
    ValidityBackwards,
}

impl Code {
    pub const ALL: &[Self] = &[
        Self::Unreadable,
        Self::YamlSyntax,
        Self::TabIndent,
        Self::DuplicateKey,
        Self::TooLarge,
        Self::UnknownKey,
        Self::MissingKey,
        Self::WrongType,
        Self::UnknownChoice,
        Self::InvalidValue,
        Self::InvalidName,
        Self::ReservedName,
        Self::DuplicateName,
        Self::UnknownDataset,
        Self::UnknownColumn,
        Self::UnknownMetric,
        Self::UnknownDimension,
        Self::UnknownBalance,
        Self::UnknownEntity,
        Self::UnknownField,
        Self::ExpressionSyntax,
        Self::ExpressionNotAllowed,
        Self::UnknownFunction,
        Self::MetricCycle,
        Self::WrongMetricKind,
        Self::FieldTaken,
        Self::JoinMismatch,
        Self::MappedTwice,
        Self::BandOverlap,
        Self::UnknownClass,
        Self::FilterMismatch,
        Self::VariantMismatch,
        Self::VersionOrder,
        Self::TargetOverlap,
        Self::DeprecatedUsed,
        Self::NothingGroups,
        Self::UnusedMapping,
        Self::TableNotThere,
        Self::TableUnfit,
        Self::StoreDown,
        Self::FloatMoney,
        Self::RowsLeftOut,
        Self::UnmappedClass,
        Self::SignAgainstClass,
        Self::DuplicateRows,
        Self::ShapesDisagree,
        Self::OwnershipGap,
        Self::OwnershipOverlap,
        Self::SharesNotOne,
        Self::MappingUnmatched,
        Self::ValidityBackwards,
    ];

    /// The code as people and tools read it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "U0001",
            Self::YamlSyntax => "U0101",
            Self::TabIndent => "U0102",
            Self::DuplicateKey => "U0103",
            Self::TooLarge => "U0104",
            Self::UnknownKey => "U0201",
            Self::MissingKey => "U0202",
            Self::WrongType => "U0203",
            Self::UnknownChoice => "U0204",
            Self::InvalidValue => "U0205",
            Self::InvalidName => "U0301",
            Self::ReservedName => "U0302",
            Self::DuplicateName => "U0303",
            Self::UnknownDataset => "U0401",
            Self::UnknownColumn => "U0402",
            Self::UnknownMetric => "U0403",
            Self::UnknownDimension => "U0404",
            Self::UnknownBalance => "U0405",
            Self::UnknownEntity => "U0406",
            Self::UnknownField => "U0407",
            Self::ExpressionSyntax => "U0501",
            Self::ExpressionNotAllowed => "U0502",
            Self::UnknownFunction => "U0503",
            Self::MetricCycle => "U0601",
            Self::WrongMetricKind => "U0602",
            Self::FieldTaken => "U0603",
            Self::JoinMismatch => "U0604",
            Self::MappedTwice => "U0605",
            Self::BandOverlap => "U0606",
            Self::UnknownClass => "U0607",
            Self::FilterMismatch => "U0608",
            Self::VariantMismatch => "U0609",
            Self::VersionOrder => "U0610",
            Self::TargetOverlap => "U0611",
            Self::DeprecatedUsed => "U0701",
            Self::NothingGroups => "U0702",
            Self::UnusedMapping => "U0703",
            Self::TableNotThere => "U0801",
            Self::TableUnfit => "U0802",
            Self::StoreDown => "U0803",
            Self::FloatMoney => "U0804",
            Self::RowsLeftOut => "U0805",
            Self::UnmappedClass => "U0806",
            Self::SignAgainstClass => "U0807",
            Self::DuplicateRows => "U0808",
            Self::ShapesDisagree => "U0809",
            Self::OwnershipGap => "U0810",
            Self::OwnershipOverlap => "U0811",
            Self::SharesNotOne => "U0812",
            Self::MappingUnmatched => "U0813",
            Self::ValidityBackwards => "U0814",
        }
    }

    /// The code of that text, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str().eq_ignore_ascii_case(text))
    }

    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::DeprecatedUsed
            | Self::NothingGroups
            | Self::UnusedMapping
            | Self::FloatMoney
            | Self::RowsLeftOut
            | Self::SignAgainstClass
            | Self::OwnershipGap
            | Self::OwnershipOverlap
            | Self::SharesNotOne
            | Self::ValidityBackwards => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_explained() {
        let mut texts: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(Code::parse(&code.as_str().to_lowercase()), Some(*code));
            assert!(code.explanation().len() > code.title().len());
        }
    }
}
