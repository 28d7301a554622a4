//! `Accept-Encoding`: which compressed form a client understands.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// What sets the entity tags of the forms apart.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => "-br",
            Self::Gzip => "-gz",
        }
    }
}

/// Whether a header's value allows the encoding: by name, else by `*`, and not with a weight of 0.
pub(super) fn accepts(header: &str, encoding: Encoding) -> bool {
    let weight_of = |wanted: &str| {
        header.split(',').find_map(|part| {
            let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
            name.trim().eq_ignore_ascii_case(wanted).then(|| weight(parameters))
        })
    };
    weight_of(encoding.name()).or_else(|| weight_of("*")).is_some_and(|weight| weight > 0.0)
}

fn weight(parameters: &str) -> f32 {
    parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("q"))
        .map_or(1.0, |(_, value)| value.trim().parse().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_before_the_wildcard() {
        assert!(accepts("gzip, deflate, br", Encoding::Brotli));
        assert!(accepts("GZIP;q=0.5", Encoding::Gzip));
        assert!(accepts("*", Encoding::Brotli));
        assert!(!accepts("*, br;q=0", Encoding::Brotli));
        assert!(!accepts("gzip;q=0.0", Encoding::Gzip));
        assert!(!accepts("", Encoding::Gzip));
        assert!(!accepts("gzipped", Encoding::Gzip));
    }
}
