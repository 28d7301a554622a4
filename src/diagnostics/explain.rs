//! Titles and explanations of the codes: what `explain U0402` prints.

use super::Code;

impl Code {
    /// One line: what the code says.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Unreadable => "a file cannot be read",
            Self::YamlSyntax => "not valid YAML",
            Self::TabIndent => "a tab in the indentation",
            Self::DuplicateKey => "a key twice in one mapping",
            Self::TooLarge => "a definition file that is too large",
            Self::UnknownKey => "a key that does not exist here",
            Self::MissingKey => "a required key is missing",
            Self::WrongType => "a value of another type is expected",
            Self::UnknownChoice => "a word that is not one of the choices",
            Self::InvalidValue => "a value that cannot be meant",
            Self::InvalidName => "a name that breaks the rules for names",
            Self::ReservedName => "a name that means something else already",
            Self::DuplicateName => "a name that is taken",
            Self::UnknownDataset => "a dataset that does not exist",
            Self::UnknownColumn => "a column that does not exist",
            Self::UnknownMetric => "a metric that does not exist",
            Self::UnknownDimension => "a dimension that does not exist",
            Self::UnknownBalance => "a balance that does not exist",
            Self::UnknownEntity => "a key that leads nowhere",
            Self::UnknownField => "a typed field that does not exist",
            Self::ExpressionSyntax => "an expression that cannot be parsed",
            Self::ExpressionNotAllowed => "an expression that does more than it may",
            Self::UnknownFunction => "a function that is not on the list",
            Self::MetricCycle => "metrics that are defined by each other",
            Self::WrongMetricKind => "a metric of a kind that does not fit",
            Self::FieldTaken => "a typed field that two metrics answer",
            Self::JoinMismatch => "a join that does not fit its bridge",
            Self::MappedTwice => "a table that is mapped and redefined",
            Self::BandOverlap => "bands that overlap",
            Self::UnknownClass => "a value mapped onto a movement class that does not exist",
            Self::FilterMismatch => "a filter over a dimension that the metric does not have",
            Self::VariantMismatch => "a variant that does not fit its base",
            Self::VersionOrder => "two earlier versions of a metric that end on one day",
            Self::TargetOverlap => "targets that overlap",
            Self::DeprecatedUsed => "a deprecated metric is used",
            Self::NothingGroups => "a metric that nothing can group",
            Self::UnusedMapping => "a mapping of values without a column that needs it",
            Self::TableNotThere => "a table that is not there",
            Self::TableUnfit => "a table that does not fit its definition",
            Self::StoreDown => "a store that does not answer",
            Self::FloatMoney => "money kept as floating-point numbers",
            Self::RowsLeftOut => "rows that count nowhere",
            Self::UnmappedClass => "a movement class that no mapping names",
            Self::SignAgainstClass => "a sign that contradicts its class",
            Self::DuplicateRows => "a key that is there more than once",
            Self::ShapesDisagree => "shapes of one balance that disagree",
            Self::OwnershipGap => "nobody, or no value, in between",
            Self::OwnershipOverlap => "several owners or values at once without a share each",
            Self::SharesNotOne => "shares that do not sum to one",
            Self::MappingUnmatched => "a column mapped onto one that the files lack",
            Self::ValidityBackwards => "rows that end before they begin",
        }
    }

    /// Why it is refused and what to do.
    #[must_use]
    #[allow(clippy::too_many_lines, reason = "one text per code")]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Unreadable => {
                "A project is read from `upswell.yml` and the `*.yml` and `*.yaml` below its \
                 folders `datasets`, `metrics` and `tests`. The file named here could not be \
                 read, or is not UTF-8 text. Check its permissions and its encoding."
            }
            Self::YamlSyntax => {
                "The file is not valid YAML, so nothing in it could be read. The place shown is \
                 where the parser gave up; the cause is often on the line above: a missing colon, \
                 an unclosed quote or bracket, a list item that is indented differently from the \
                 others."
            }
            Self::TabIndent => {
                "YAML forbids tabs in indentation, because editors disagree on their width. \
                 Indent with spaces (two are customary)."
            }
            Self::DuplicateKey => {
                "A mapping holds each key once; the second would silently win over the first. \
                 Remove one, or indent it below the definition that it belongs to."
            }
            Self::TooLarge => {
                "Definition files are limited in size, depth and number of nodes, aliases \
                 expanded, so that no file can exhaust the memory of the server. Split the file."
            }
            Self::UnknownKey => {
                "Every key of a definition has a meaning; others are refused, so that a misspelt \
                 key is never silently ignored. The keys of a metric depend on its `kind`."
            }
            Self::MissingKey => {
                "The definition needs this key. If you did write it, look at its indentation: a \
                 key indented differently belongs to another mapping."
            }
            Self::WrongType => {
                "A key holds text, a number, a list or a mapping, as its description says."
            }
            Self::UnknownChoice => "The key takes one of a closed list of words.",
            Self::InvalidValue => {
                "The value has the right type but cannot be used: a time zone that does not \
                 exist, a negative number of days, a date that is no date, an empty range."
            }
            Self::InvalidName => {
                "Names appear everywhere exactly as written: in GraphQL, in CSV headers, on the \
                 command line. They match `[a-z][a-z0-9_]*`, without a double underscore (which \
                 separates comparisons such as `nrr__previous_year`)."
            }
            Self::ReservedName => {
                "true, false, null, and, or, not and period have a meaning of their own in \
                 queries and cannot name a metric or a dimension."
            }
            Self::DuplicateName => {
                "Names are unique over metrics and dimensions together (both are columns of the \
                 same answers), over datasets and over balances. A project overrides a definition \
                 that ships by giving its own the same name; two of its own cannot share one."
            }
            Self::UnknownDataset => {
                "No dataset of that name is defined in `datasets/` or among the definitions that \
                 ship."
            }
            Self::UnknownColumn => {
                "The dataset declares its columns and this is not one of them. Add it below the \
                 dataset's `columns`, or correct the name. Datasets without `columns` take \
                 columns as the files have them."
            }
            Self::UnknownMetric => {
                "Another metric is named here, but none of that name is defined."
            }
            Self::UnknownDimension => {
                "A dimension is named here, but none of that name is defined in the `dimensions` \
                 of any dataset."
            }
            Self::UnknownBalance => {
                "A balance (recurring revenue in one or more shapes) is named here, but none of \
                 that name is defined."
            }
            Self::UnknownEntity => {
                "The definition needs a key of this entity (customer, product …) and the dataset \
                 has none. Add it to the dataset's `keys`."
            }
            Self::UnknownField => {
                "`field` names one of the typed root fields of the GraphQL schema, which the \
                 metric then answers."
            }
            Self::ExpressionSyntax => {
                "Expressions are scalar SQL over the columns of one dataset (`expr`, `filter`), \
                 or arithmetic over metrics (`expr` of a derived metric)."
            }
            Self::ExpressionNotAllowed => {
                "Expressions compute one value from one row: comparisons, arithmetic, CASE, CAST, \
                 IN, BETWEEN, LIKE, IS NULL. Subqueries, aggregates, window functions, \
                 placeholders and anything that reads from elsewhere are refused; so is what the \
                 declared types of the columns cannot give: a filter or a \
                 condition that is not true or false, a time or a text compared with a number, \
                 arithmetic over texts, a sum of texts, a dimension whose values are not of its \
                 type, a division by zero."
            }
            Self::UnknownFunction => {
                "Functions come from a fixed list of cheap, deterministic scalar functions, so \
                 that an expression can neither read files nor allocate without bound."
            }
            Self::MetricCycle => {
                "A metric cannot be computed from itself, directly or through others. The message \
                 shows the circle; break it at one of its members."
            }
            Self::WrongMetricKind => {
                "The metric named here has a kind that cannot be used in this place: a cumulative \
                 metric accumulates an aggregate, a typed field is answered by one kind of \
                 metric."
            }
            Self::FieldTaken => {
                "Each typed root field is answered by one metric. A project moves a field to a \
                 metric of its own by giving that one `field`; two of its own cannot share one."
            }
            Self::JoinMismatch => {
                "An as-of join leads through a dataset that shares one entity with this one, says \
                 from when to when its rows are valid, and has somewhere to lead to: a key of one \
                 more entity, or a dimension that is one of its own columns. A weight is a column \
                 of numbers."
            }
            Self::MappedTwice => {
                "The `canonical` section of `upswell.yml` maps a table that ships onto your own. \
                 If the project defines a dataset of the same name, that one stands alone; write \
                 table and columns there."
            }
            Self::BandOverlap => {
                "Bands are half-open ranges [from, to) for one slice; each value lies in at most \
                 one of them."
            }
            Self::UnknownClass => {
                "Movements of recurring revenue are new, expansion, contraction, churn or \
                 reactivation. Map each value of your own column onto one of them."
            }
            Self::FilterMismatch => {
                "A metric's `filter` is a condition over dimensions that the metric can be filtered \
                 by, the same as `where` in a question. Use one of them; retention of customers \
                 takes no dimension of products unless `retention_unit: customer_product`."
            }
            Self::VariantMismatch => {
                "A variant (`variant_of`) is a retention metric of the same measure and balance as \
                 its base, under another rule; its base is no variant itself. A rule must be able to \
                 change the measure: `reactivation` belongs to nrr, `exclude_types` and \
                 `exclude_families` to nrr, grr and expansion_rate of a ledger with types, `chain` to \
                 nrr, grr and logo_retention."
            }
            Self::VersionOrder => {
                "Each earlier version of a metric holds until a day of its own. With two that end on \
                 one day nobody could say which held before it. Give each its own `until`."
            }
            Self::TargetOverlap => {
                "Two targets of the same slice and grain hold on the same day, so that a value would \
                 have two. End one with `to` where the next one begins with `from`; the end is not \
                 included."
            }
            Self::DeprecatedUsed => {
                "The definition is computed from a metric that is deprecated. Use its replacement \
                 before it is removed."
            }
            Self::NothingGroups => {
                "No dimension is common to all the metrics that this one is computed from, so it \
                 can be asked in total only."
            }
            Self::UnusedMapping => {
                "The column whose values are mapped is of a type that has no named values (a \
                 number or a time), so the mapping never applies."
            }
            Self::TableNotThere => {
                "The folder of a table that the project defines or maps holds no Parquet files, \
                 so every metric that needs it is unavailable. Correct `table`, or the \
                 warehouse's URL. Tables that ship, are not mapped and are not there are no \
                 finding, as only what a metric uses is needed, unless the warehouse holds \
                 none of all tables."
            }
            Self::TableUnfit => {
                "A declared column is missing in the files, has a type that does not convert, \
                 or a file is damaged. Map the column's own name \
                 (`canonical.<dataset>.columns`, or `from` of a dataset of your own), declare \
                 `minor_units` for whole numbers that are money, or write the file anew. The \
                 table is unavailable; others are not touched."
            }
            Self::StoreDown => {
                "The object store that holds the table does not answer, refuses the \
                 credentials, or has no such bucket. Credentials come from the environment."
            }
            Self::FloatMoney => {
                "Each number is rounded once, exactly, to the declared scale; what was lost \
                 when it was written as a float cannot be brought back. Write decimals."
            }
            Self::RowsLeftOut => {
                "A row without customer, time or amount belongs to no balance and no period. It \
                 is left out of every number and counted in the notes of answers. A row of a table of \
                 owners without a key or a start leads nowhere: what it should have led to is \
                 unassigned."
            }
            Self::UnmappedClass => {
                "Movements are new, expansion, contraction, churn or reactivation. Balances \
                 still answer, but metrics that need classes are refused until every value of \
                 the column is mapped onto one of the five."
            }
            Self::SignAgainstClass => {
                "New, expansion and reactivation add recurring revenue, contraction and churn \
                 take it away: amounts are signed. Movements written the other way round count \
                 as recorded, so their class shows a negative amount."
            }
            Self::DuplicateRows => {
                "The dataset's primary key identifies one row. Rows that share one are counted \
                 each: a file loaded twice doubles revenue. Remove the duplicates, or correct \
                 `keys.primary`."
            }
            Self::ShapesDisagree => {
                "Ledger, intervals and snapshots describe the same recurring revenue: for every \
                 customer, product and month's end the sum of movements before it equals the \
                 snapshot. Numbers come from the first shape that is there; the finding says \
                 where another one differs, and by how much."
            }
            Self::OwnershipGap => {
                "Between two rows of a table of owners, or of any other table that an as-of join \
                 leads through, there is a time without any. What falls into it is nobody's: it is \
                 in the null row (the unassigned one of an attribution)."
            }
            Self::OwnershipOverlap => {
                "Two or more owners (or values of an as-of joined column) are valid at the same \
                 instant and not every one has a share: those without one divide what the others \
                 leave up to 1. End the earlier row, or write the shares."
            }
            Self::SharesNotOne => {
                "The shares of one instant are normalised, so that the parts add up to the whole; \
                 what was meant is probably another split."
            }
            Self::MappingUnmatched => {
                "The column is optional, so that the table is available without it; but a name, \
                 values or minor units are given for it, and no file has the column they are given \
                 for. It reads as null: a dimension of it is empty. Correct the name \
                 (`canonical.<dataset>.columns`, or `from` of a dataset of your own), or leave the \
                 mapping out."
            }
            Self::ValidityBackwards => {
                "A row is true from its start to its end, the end not included. One whose end is not \
                 after its start is true at no time: an owner who owns nothing, a subscription that \
                 is no revenue. Dates that are swapped, or an end that stands for the last day \
                 itself, are the usual causes."
            }
        }
    }
}
