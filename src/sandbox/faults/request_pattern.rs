//! Which requests a fault strikes: `POST /fapi/v1/order`, `DELETE`, or `/fapi/v1/time`.

use std::fmt;
use std::str::FromStr;

/// The methods of the venue's REST interface.
const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

/// A method, a path, or both; a request must agree with what is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPattern {
    method: Option<&'static str>,
    path: Option<String>,
}

impl RequestPattern {
    /// Whether a request is meant.
    pub(in crate::sandbox) fn covers(&self, method: &str, path: &str) -> bool {
        self.method.is_none_or(|wanted| wanted == method)
            && self.path.as_deref().is_none_or(|wanted| wanted == path)
    }
}

impl FromStr for RequestPattern {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (method, path) = match text.split_once(' ') {
            Some((method, path)) => (Some(method), Some(path)),
            None if text.starts_with('/') => (None, Some(text)),
            None => (Some(text), None),
        };
        let known = |name: &str| METHODS.into_iter().find(|method| *method == name).ok_or(());
        let is_path = |path: &&str| {
            path.starts_with('/') && !path.contains(|c: char| c.is_whitespace() || ":?".contains(c))
        };
        let path = path.map(|path| Some(path).filter(is_path).ok_or(())).transpose()?;
        Ok(Self { method: method.map(known).transpose()?, path: path.map(ToOwned::to_owned) })
    }
}

impl fmt::Display for RequestPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.method, &self.path) {
            (Some(method), Some(path)) => write!(formatter, "{method} {path}"),
            (Some(method), None) => formatter.write_str(method),
            (None, Some(path)) => formatter.write_str(path),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_agrees_with_all_that_is_given() {
        let pattern = |text: &str| text.parse::<RequestPattern>().unwrap();
        let (path, other) = ("/fapi/v1/order", "/fapi/v1/time");
        assert!(pattern("POST /fapi/v1/order").covers("POST", path));
        assert!(!pattern("POST /fapi/v1/order").covers("GET", path));
        assert!(!pattern("POST /fapi/v1/order").covers("POST", other));
        assert!(
            pattern("DELETE").covers("DELETE", other) && !pattern("DELETE").covers("GET", path)
        );
        assert!(pattern(path).covers("PUT", path) && !pattern(path).covers("PUT", other));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "post /fapi/v1/order", "POST order", "POST /a b", "/a?b=1", "PATCH"] {
            assert!(text.parse::<RequestPattern>().is_err(), "{text:?}");
        }
    }
}
