//! Findings for machines: JSON for scripts, SARIF for code scanning, GitHub workflow commands.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Code, Diagnostic, Diagnostics, Severity, Sources};

pub(super) fn json(all: &Diagnostics) -> String {
    let items: Vec<Value> = all.iter().map(|item| item_json(item, all.sources())).collect();
    format!("{:#}\n", Value::Array(items))
}

fn item_json(item: &Diagnostic, sources: &Sources) -> Value {
    let place = item.span.and_then(|span| sources.locate(span));
    json!({
        "code": item.code.as_str(),
        "severity": item.severity().as_str(),
        "message": item.message,
        "file": place.map(|(path, _)| path),
        "line": place.map(|(_, at)| at.line),
        "column": place.map(|(_, at)| at.column),
        "help": item.help,
    })
}

pub(super) fn sarif(all: &Diagnostics) -> String {
    let mut codes: Vec<Code> = all.iter().map(|item| item.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules: Vec<Value> = codes
        .into_iter()
        .map(|code| {
            json!({
                "id": code.as_str(),
                "shortDescription": { "text": code.title() },
                "fullDescription": { "text": code.explanation() },
            })
        })
        .collect();
    let results: Vec<Value> = all.iter().map(|item| result_json(item, all.sources())).collect();
    let report = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "upswell",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{report:#}\n")
}

fn result_json(item: &Diagnostic, sources: &Sources) -> Value {
    let text = match &item.help {
        Some(help) => format!("{} ({help})", item.message),
        None => item.message.clone(),
    };
    let locations: Vec<Value> = item
        .span
        .and_then(|span| {
            let file = sources.get(span.source)?;
            Some((file.path.as_str(), file.position(span.start), file.position(span.end)))
        })
        .map(|(path, start, end)| {
            json!({ "physicalLocation": {
                "artifactLocation": { "uri": path },
                "region": {
                    "startLine": start.line, "startColumn": start.column,
                    "endLine": end.line, "endColumn": end.column,
                },
            } })
        })
        .into_iter()
        .collect();
    json!({
        "ruleId": item.code.as_str(),
        "level": item.severity().as_str(),
        "message": { "text": text },
        "locations": locations,
    })
}

pub(super) fn github(all: &Diagnostics) -> String {
    let mut out = String::new();
    for item in all.iter() {
        let level = match item.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let mut properties = String::new();
        if let Some((path, at)) = item.span.and_then(|span| all.sources().locate(span)) {
            let file = escape_property(path);
            let _ = write!(properties, "file={file},line={},col={},", at.line, at.column);
        }
        let help = item.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
        let text = escape(&format!("{}{help}", item.message));
        let _ = writeln!(out, "::{level} {properties}title={}::{text}", item.code.as_str());
    }
    out
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::{Format, SourceFile, SourceId, Span};

    fn one() -> Diagnostics {
        let file = SourceFile::new("metrics/a,b.yml", "metrics:\n  - nme: x\n");
        let span = Span { source: SourceId(0), start: 13, end: 16 };
        let found = Diagnostic::new(Code::UnknownKey, span, "100 % wrong: `nme`");
        let found = found.help("did you mean `name`?");
        Diagnostics::new(Sources::new(vec![file]), vec![found.clone(), found])
    }

    #[test]
    fn json_and_sarif_are_json_with_places() {
        let json: Value = serde_json::from_str(&one().render(Format::Json)).unwrap();
        assert_eq!(json.as_array().unwrap().len(), 1, "findings alike are told once");
        assert_eq!((&json[0]["line"], &json[0]["column"]), (&json!(2), &json!(5)));
        let sarif: Value = serde_json::from_str(&one().render(Format::Sarif)).unwrap();
        let run = &sarif["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"][0]["id"], run["results"][0]["ruleId"]);
        let region = &run["results"][0]["locations"][0]["physicalLocation"]["region"];
        assert_eq!((&region["startColumn"], &region["endColumn"]), (&json!(5), &json!(8)));
    }

    #[test]
    fn github_commands_are_escaped() {
        assert_eq!(
            one().render(Format::Github),
            "::error file=metrics/a%2Cb.yml,line=2,col=5,title=U0201::100 %25 wrong: `nme`%0A\
             help: did you mean `name`?\n"
        );
    }
}
