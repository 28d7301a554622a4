//! Metrics as written: what every metric says about itself, and the keys of its kind.

mod aggregate;
mod arithmetic;
mod attach;
mod attribution;
mod balance;
mod cohort;
mod conversion;
mod duration;
mod movement;
mod retention;
mod tests_of_metric;
mod versions;

use serde_json::{Value, json};

pub use aggregate::{AggregateDef, AggregateWord, CumulativeDef};
pub use arithmetic::{DerivedDef, RatioDef};
pub use attach::{AttachDef, BasisWord, OrdersDef};
pub use attribution::{AttributionDef, OffersDef, OwnersDef, RuleWord};
pub use balance::{BalanceMetricDef, BalanceWord};
pub use cohort::{CohortDef, CohortWord};
pub use conversion::{ConversionDef, EventsDef};
pub use duration::{AcquisitionDef, DurationDef, DurationWord, MilestonesDef, OriginWord};
pub use movement::{ClassWord, MovementDef, MovementWord};
pub use retention::{
    ChainWord, MethodWord, ReactivationWord, RetentionDef, RetentionWord, UnitWord, WindowWord,
};
pub use tests_of_metric::{AskDef, PeriodDef, TestDef, TestRow};
pub use versions::VersionDef;

use super::read::{Fields, Located, MapReader, Mapping, Name, Nullable, Read, Reader, Text};
use super::record::{choice, record};
use super::schema::ObjectSchema;
use super::yaml::Node;
use crate::diagnostics::Span;

/// A metric as written.
#[derive(Debug, Clone)]
pub struct MetricDef {
    /// The whole definition.
    pub span: Span,
    pub common: CommonDef,
    pub kind: KindDef,
    /// What it was before, as written.
    pub versions: Vec<VersionDef>,
}

choice! {
    /// The kinds of metrics.
    pub enum KindWord {
        Aggregate = "aggregate",
        Ratio = "ratio",
        Derived = "derived",
        Cumulative = "cumulative",
        Balance = "balance",
        Movement = "movement",
        Retention = "retention",
        Attach = "attach",
        Duration = "duration",
        Attribution = "attribution",
        Conversion = "conversion",
        Cohort = "cohort",
    }
}

/// The keys of a metric's kind.
#[derive(Debug, Clone)]
pub enum KindDef {
    Aggregate(AggregateDef),
    Ratio(RatioDef),
    Derived(DerivedDef),
    Cumulative(CumulativeDef),
    Balance(BalanceMetricDef),
    Movement(MovementDef),
    Retention(RetentionDef),
    Attach(Box<AttachDef>),
    Duration(Box<DurationDef>),
    Attribution(Box<AttributionDef>),
    Conversion(Box<ConversionDef>),
    Cohort(Box<CohortDef>),
}

impl KindDef {
    /// The condition over dimensions that the metric carries.
    #[must_use]
    pub fn filter(&self) -> Option<&Text> {
        match self {
            Self::Balance(def) => def.filter.as_ref(),
            Self::Movement(def) => def.filter.as_ref(),
            Self::Retention(def) => def.filter.as_ref(),
            Self::Attach(def) => def.filter.as_ref(),
            Self::Duration(def) => def.filter.as_ref(),
            Self::Attribution(def) => def.filter.as_ref(),
            Self::Cohort(def) => def.filter.as_ref(),
            // Rows of one dataset are filtered by an expression over its columns; of metrics of
            // metrics the inputs carry filters.
            Self::Aggregate(_)
            | Self::Conversion(_)
            | Self::Ratio(_)
            | Self::Derived(_)
            | Self::Cumulative(_) => None,
        }
    }
}

choice! {
    /// Which direction is good.
    pub enum GoodWord {
        Up = "up",
        Down = "down",
    }
}

record! {
    /// What every metric says about itself.
    pub struct CommonDef is "a metric" {
        /// Its name, unique over metrics and dimensions; how clients ask for it.
        name: Name,
        /// For people; the name in words unless set.
        label: Option<String>,
        /// What it means, for readers: unit, formula, source, choices.
        description: Option<String>,
        /// Who answers questions about it.
        owner: Option<String>,
        /// Words to find it by.
        tags: Vec<Text>,
        /// Where it stands: draft, active, certified …; active unless set.
        status: Option<String>,
        /// currency, ratio, count, days or a word of your own.
        unit: Option<Text>,
        /// How a client should write it, for example `0.0 %`.
        format: Option<String>,
        /// Which direction is good.
        good: Option<GoodWord>,
        /// Words for ranges of values, with their source.
        bands: Vec<BandDef>,
        /// Values to reach, by slice, with their source.
        targets: Vec<TargetDef>,
        /// It will go; what to use instead and until when.
        deprecated: Option<DeprecatedDef>,
        /// Only for use by other definitions.
        private: bool,
        /// The typed root field of the GraphQL schema that it answers.
        field: Option<Text>,
        /// Fixture rows, a question, and the answer to expect.
        tests: Vec<TestDef>,
    }
}

record! {
    /// A half-open range of values, with a word for it: [from, to).
    pub struct BandDef is "a band" {
        /// The word.
        label: String,
        /// Lower end, included.
        from: Option<Located<f64>>,
        /// Lower end, included (another word for from).
        above: Option<Located<f64>>,
        /// Upper end, not included.
        to: Option<Located<f64>>,
        /// Upper end, not included (another word for to).
        below: Option<Located<f64>>,
        /// Who says so.
        source: String,
        /// The slice it is for: dimension → value.
        only: Mapping<Text>,
    }
}

record! {
    /// A value to reach.
    pub struct TargetDef is "a target" {
        /// The value.
        value: Located<f64>,
        /// Who says so.
        source: String,
        /// First day it holds.
        from: Option<Text>,
        /// First day it no longer holds.
        to: Option<Text>,
        /// The grain whose rows it is for (day, week, month, quarter or year); every row unless set.
        grain: Option<GrainWord>,
        /// The slice it is for: dimension → value.
        only: Mapping<Text>,
    }
}

choice! {
    /// The length of a row's period.
    pub enum GrainWord {
        Day = "day",
        Week = "week",
        Month = "month",
        Quarter = "quarter",
        Year = "year",
    }
}

record! {
    /// Why a metric will go.
    pub struct DeprecatedDef is "`deprecated`" {
        /// Why.
        reason: String,
        /// The metric to use instead.
        replacement: Option<Text>,
        /// The day after which it may be gone.
        removed_after: Option<Text>,
    }
}

impl Read for MetricDef {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let mut map = MapReader::open(node, reader)?;
        let common = CommonDef::read_fields(&mut map, reader);
        // Without its kind nothing can be said about the other keys.
        let word = map.field::<KindWord>("kind", reader)?;
        let kind = read_kind(word, &mut map, reader);
        let versions = map.entry(versions::KEY);
        map.close(&format!("a metric of kind {}", word.as_str()), reader);
        let (common, kind) = (common?, kind?);
        let versions = versions.map_or_else(Vec::new, |list| versions::read(node, list, reader));
        Some(Self { span: node.span, common, kind, versions })
    }

    fn schema() -> Value {
        let kinds: Vec<Value> = KindWord::WORDS.iter().map(|word| kind_schema(word)).collect();
        json!({ "oneOf": kinds })
    }
}

fn read_kind(word: KindWord, map: &mut MapReader, reader: &mut Reader) -> Option<KindDef> {
    macro_rules! read {
        ($variant:ident) => {
            Fields::read_fields(map, reader).map(KindDef::$variant)
        };
        (boxed $variant:ident) => {
            Fields::read_fields(map, reader).map(|def| KindDef::$variant(Box::new(def)))
        };
    }
    match word {
        KindWord::Aggregate => read!(Aggregate),
        KindWord::Ratio => read!(Ratio),
        KindWord::Derived => read!(Derived),
        KindWord::Cumulative => read!(Cumulative),
        KindWord::Balance => read!(Balance),
        KindWord::Movement => read!(Movement),
        KindWord::Retention => read!(Retention),
        KindWord::Attach => read!(boxed Attach),
        KindWord::Duration => read!(boxed Duration),
        KindWord::Attribution => read!(boxed Attribution),
        KindWord::Conversion => read!(boxed Conversion),
        KindWord::Cohort => read!(boxed Cohort),
    }
}

fn kind_schema(word: &str) -> Value {
    let mut schema = ObjectSchema::default();
    schema.add_word("kind", word);
    kind_properties(word, &mut schema);
    let mut earlier = ObjectSchema::default();
    kind_properties(word, &mut earlier);
    schema.add_schema(versions::KEY, versions::ABOUT, versions::schema(earlier));
    schema.extending(&format!("A metric of kind {word}."), COMMON_REF)
}

fn kind_properties(word: &str, schema: &mut ObjectSchema) {
    match word {
        "aggregate" => AggregateDef::properties(schema),
        "ratio" => RatioDef::properties(schema),
        "derived" => DerivedDef::properties(schema),
        "cumulative" => CumulativeDef::properties(schema),
        "balance" => BalanceMetricDef::properties(schema),
        "movement" => MovementDef::properties(schema),
        "retention" => RetentionDef::properties(schema),
        "attach" => AttachDef::properties(schema),
        "duration" => DurationDef::properties(schema),
        "attribution" => AttributionDef::properties(schema),
        "conversion" => ConversionDef::properties(schema),
        _ => CohortDef::properties(schema),
    }
}

/// Where the keys of every metric are in the JSON Schema.
const COMMON_REF: &str = "#/$defs/metric";

/// The keys of every earlier version.
pub(super) fn version_schema() -> Value {
    versions::version_schema()
}

/// The keys of every metric, for [`COMMON_REF`].
pub(super) fn common_schema() -> Value {
    let mut schema = ObjectSchema::default();
    CommonDef::properties(&mut schema);
    schema.open("What every metric says about itself.")
}
