//! A fault as one line: `NAME[=VALUE][:QUALIFIER]…`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::catalogue::{CATALOGUE, Entry, Reach};
use super::fault::Fault;
use super::request_pattern::RequestPattern;
use super::span::Span;

/// A fault, which requests it strikes, when, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultSpec {
    /// What goes wrong.
    pub fault: Fault,
    /// Only with such requests.
    pub requests: Option<RequestPattern>,
    /// Only from so long after it is switched on.
    pub at: Option<Span>,
    /// Only for so long.
    pub lasts: Option<Span>,
    /// Not the first so many times.
    pub skip: Option<u32>,
    /// At most so often.
    pub times: Option<u32>,
    /// By chance.
    pub probability: Option<Probability>,
}

/// A chance in millionths, above zero and at most one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probability(u32);

/// Millionths of certainty.
const CERTAIN: u32 = 1_000_000;

/// Why a line is no fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FaultSpecError {
    /// No fault has that name.
    #[error("no fault is named {0:?}; `lobd exchange --help` lists them")]
    Unknown(String),
    /// The value is missing, not understood, or one too many.
    #[error("{fault:?} is not understood; it is typed {name}{value}")]
    Value {
        /// What was typed.
        fault: String,
        /// The fault's name.
        name: &'static str,
        /// What follows it, as the list spells it; empty if nothing may.
        value: &'static str,
    },
    /// A qualifier that is none, or has no good value.
    #[error(
        "{0:?} is no qualifier; these are METHOD PATH, at=SPAN, for=SPAN, skip=N, times=N, \
         probability=P"
    )]
    Qualifier(String),
    /// A qualifier that this fault does not take.
    #[error("{name} takes no {qualifier:?}")]
    Misplaced {
        /// The fault's name.
        name: &'static str,
        /// What was typed.
        qualifier: String,
    },
    /// A qualifier given twice.
    #[error("{0:?} says again what was said before")]
    Twice(String),
}

impl Probability {
    /// So many millionths; `None` unless above zero and at most a million.
    #[must_use]
    pub const fn from_millionths(millionths: u32) -> Option<Self> {
        if millionths == 0 || millionths > CERTAIN { None } else { Some(Self(millionths)) }
    }

    /// Its millionths.
    pub(super) const fn millionths(self) -> u32 {
        self.0
    }
}

impl FaultSpec {
    /// A fault without qualifiers: on at once, always, for ever.
    #[must_use]
    pub const fn of(fault: Fault) -> Self {
        Self {
            fault,
            requests: None,
            at: None,
            lasts: None,
            skip: None,
            times: None,
            probability: None,
        }
    }

    /// Reads one qualifier into its place.
    fn qualify(&mut self, entry: &Entry, text: &str) -> Result<(), FaultSpecError> {
        let unknown = || FaultSpecError::Qualifier(text.to_owned());
        let (name, value) = text.split_once('=').unwrap_or(("", text));
        if !takes(entry.reach, name) {
            let qualifier = text.to_owned();
            return Err(FaultSpecError::Misplaced { name: entry.name, qualifier });
        }
        let was_given = match name {
            "" => self.requests.replace(value.parse().map_err(|()| unknown())?).is_some(),
            "at" => self.at.replace(value.parse().map_err(|()| unknown())?).is_some(),
            "for" => self.lasts.replace(value.parse().map_err(|()| unknown())?).is_some(),
            "skip" => self.skip.replace(count(value).ok_or_else(unknown)?).is_some(),
            "times" => self.times.replace(count(value).ok_or_else(unknown)?).is_some(),
            "probability" => {
                self.probability.replace(value.parse().map_err(|()| unknown())?).is_some()
            }
            _ => return Err(unknown()),
        };
        if was_given { Err(FaultSpecError::Twice(text.to_owned())) } else { Ok(()) }
    }
}

/// Whether faults of this reach take a qualifier; one that is none at all is not judged here.
fn takes(reach: Reach, qualifier: &str) -> bool {
    match qualifier {
        "" => reach == Reach::Requests,
        "for" => reach != Reach::Act,
        "times" => matches!(reach, Reach::Requests | Reach::Occasions | Reach::Waiting),
        "skip" | "probability" => matches!(reach, Reach::Requests | Reach::Occasions),
        _ => true,
    }
}

/// A count that means something.
fn count(text: &str) -> Option<u32> {
    text.parse().ok().filter(|count| *count > 0)
}

impl FromStr for FaultSpec {
    type Err = FaultSpecError;

    fn from_str(text: &str) -> Result<Self, FaultSpecError> {
        let mut parts = text.split(':');
        let typed = parts.next().unwrap_or_default();
        let (name, value) = match typed.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (typed, None),
        };
        let entry = CATALOGUE
            .iter()
            .find(|entry| entry.name == name)
            .ok_or_else(|| FaultSpecError::Unknown(name.to_owned()))?;
        let fault = (entry.read)(value).ok_or_else(|| FaultSpecError::Value {
            fault: typed.to_owned(),
            name: entry.name,
            value: entry.value,
        })?;
        let mut spec = Self::of(fault);
        for qualifier in parts {
            spec.qualify(entry, qualifier)?;
        }
        Ok(spec)
    }
}

impl fmt::Display for FaultSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.fault)?;
        if let Some(requests) = &self.requests {
            write!(formatter, ":{requests}")?;
        }
        for (name, span) in [("at", self.at), ("for", self.lasts)] {
            if let Some(span) = span {
                write!(formatter, ":{name}={span}")?;
            }
        }
        for (name, count) in [("skip", self.skip), ("times", self.times)] {
            if let Some(count) = count {
                write!(formatter, ":{name}={count}")?;
            }
        }
        match self.probability {
            Some(probability) => write!(formatter, ":probability={probability}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Probability {
    type Err = ();

    /// `1` or a decimal of up to six places.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_number(whole) || !is_number(places) {
            return Err(());
        }
        if !(1..=6).contains(&places.len()) {
            return Err(());
        }
        let whole: u32 = whole.parse().map_err(|_| ())?;
        let millionths: u32 = format!("{places:0<6}").parse().map_err(|_| ())?;
        let sum = whole.checked_mul(CERTAIN).and_then(|whole| whole.checked_add(millionths));
        sum.and_then(Self::from_millionths).ok_or(())
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == CERTAIN {
            return formatter.write_str("1");
        }
        let places = format!("{:06}", self.0);
        write!(formatter, "0.{}", places.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::catalogue;
    use super::*;

    #[test]
    fn what_people_type_is_understood() {
        let read = |text: &str| text.parse::<FaultSpec>().unwrap();
        let lost = read("lose-response:POST /fapi/v1/order:times=1");
        assert!(lost.requests.unwrap().covers("POST", "/fapi/v1/order"));
        assert_eq!(lost.times, Some(1));
        let sometimes = read("http-503=unknown:probability=0.2");
        assert_eq!(sometimes.probability, Probability::from_millionths(200_000));
        let later = read("freeze=public:for=5s:at=10s");
        assert_eq!((later.at, later.lasts), (Span::from_millis(10_000), Span::from_millis(5_000)));
        assert_eq!(read("shift-time=-3s").fault, Fault::ShiftTime(-3_000));
    }

    #[test]
    fn what_is_not_understood_is_said_with_the_remedy() {
        for (text, words) in [
            ("", "no fault is named \"\""),
            ("loose-request", "--help"),
            ("delay", "delay=SPAN"),
            ("delay=soon", "delay=SPAN"),
            ("ban=1s", "typed ban"),
            ("delay=1s:of=GET", "no qualifier"),
            ("delay=1s:times=0", "no qualifier"),
            ("delay=1s:probability=1.5", "no qualifier"),
            ("delay=1s:post /x", "no qualifier"),
            ("delay=1s:times=1:times=2", "said before"),
            ("freeze=public:GET", "takes no \"GET\""),
            ("cut-sockets:for=1s", "takes no \"for=1s\""),
            ("vanish-stop=1s:probability=0.5", "takes no"),
        ] {
            let said = text.parse::<FaultSpec>().unwrap_err().to_string();
            assert!(said.contains(words), "{text:?}: {said}");
        }
    }

    fn spans() -> impl Strategy<Value = Option<Span>> {
        proptest::option::of((0_u64..100_000_000).prop_map(|ms| Span::from_millis(ms).unwrap()))
    }

    fn faults() -> impl Strategy<Value = (Fault, Reach)> {
        (0..CATALOGUE.len(), 0_u64..100_000, "[A-Z_]{1,20}", -9_000_i64..9_000).prop_map(
            |(at, millis, event, shift)| {
                let entry = &CATALOGUE[at];
                let span = Span::from_millis(millis).unwrap().to_string();
                let shift = format!("{}{}ms", if shift < 0 { '-' } else { '+' }, shift.abs());
                let values = [span.as_str(), event.as_str(), shift.as_str(), "silence"];
                let read = values.into_iter().find_map(|value| (entry.read)(Some(value)));
                (read.or_else(|| catalogue::example(entry)).unwrap(), entry.reach)
            },
        )
    }

    proptest! {
        #[test]
        fn invariant_3_reading_what_is_written_gives_the_same_fault(
            (fault, reach) in faults(),
            (at, lasts) in (spans(), spans()),
            (skip, times) in (proptest::option::of(1_u32..), proptest::option::of(1_u32..)),
            chance in proptest::option::of(1_u32..=CERTAIN),
            pattern in proptest::option::of("(GET|POST|DELETE)( /[a-z]{1,9}/v[0-9])?"),
        ) {
            let spec = FaultSpec {
                fault,
                requests: pattern
                    .filter(|_| takes(reach, ""))
                    .map(|pattern| pattern.parse().unwrap()),
                at,
                lasts: lasts.filter(|_| takes(reach, "for")),
                skip: skip.filter(|_| takes(reach, "skip")),
                times: times.filter(|_| takes(reach, "times")),
                probability: chance
                    .filter(|_| takes(reach, "probability"))
                    .and_then(Probability::from_millionths),
            };
            prop_assert_eq!(spec.to_string().parse::<FaultSpec>(), Ok(spec));
        }

        #[test]
        fn no_line_makes_the_reader_panic(text in "\\PC{0,60}") {
            if let Ok(spec) = text.parse::<FaultSpec>() {
                prop_assert_eq!(spec.to_string().parse::<FaultSpec>(), Ok(spec));
            }
        }
    }
}
