//! An outcome that was hidden, and what brought it to light.
//!
//! Nobody should have to believe that an order was resolved: the journal keeps by what, and which
//! questions were asked before. Absence is proven by denials past the venue's window of acceptance
//! alone ([`super::Inquiry`]), never by the first of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::{ClientOrderId, Timestamp};

/// What brought an outcome to light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// The answer to a question about it.
    Answer,
    /// The account's stream, or the acknowledgement after all.
    Told,
    /// A report of the whole account lists it.
    Account,
    /// A trade of it was booked.
    Trade,
    /// A late word that it was refused, or never left.
    Refusal,
    /// The venue denied it past the window of acceptance.
    Absence,
}

impl Proof {
    /// Its name, as the journal keeps it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Told => "told",
            Self::Account => "account",
            Self::Trade => "trade",
            Self::Refusal => "refusal",
            Self::Absence => "absence",
        }
    }
}

/// Where an order or stop was found to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It works at the venue.
    Working,
    /// It has ended there, by fill, cancel or trigger.
    Ended,
    /// It was refused.
    Rejected,
    /// It is not there and never will be.
    Absent,
}

impl Outcome {
    /// Its name, as the journal keeps it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Ended => "ended",
            Self::Rejected => "rejected",
            Self::Absent => "absent",
        }
    }
}

/// A hidden outcome, and what was asked about it so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// When the outcome became hidden.
    pub since: Timestamp,
    /// How often the venue was asked about it.
    pub questions: u32,
    /// When it was first asked.
    pub first_asked_at: Option<Timestamp>,
    /// When it was last asked.
    pub last_asked_at: Option<Timestamp>,
    /// How often the venue answered that it knows nothing of it.
    pub denials: u32,
    /// When it last answered so.
    pub last_denied_at: Option<Timestamp>,
}

impl Doubt {
    /// A doubt that begins now.
    #[must_use]
    pub const fn begin(now: Timestamp) -> Self {
        Self {
            since: now,
            questions: 0,
            first_asked_at: None,
            last_asked_at: None,
            denials: 0,
            last_denied_at: None,
        }
    }

    /// The venue is being asked.
    pub fn on_question(&mut self, now: Timestamp) {
        self.questions = self.questions.saturating_add(1);
        self.first_asked_at = self.first_asked_at.or(Some(now));
        self.last_asked_at = Some(now);
    }

    /// The venue says that it knows nothing of it.
    pub const fn on_denial(&mut self, now: Timestamp) {
        self.denials = self.denials.saturating_add(1);
        self.last_denied_at = Some(now);
    }
}

/// What one event did to an order or stop, as far as its being known goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// Where it stands now; `None` while that is hidden.
    pub(super) outcome: Option<Outcome>,
    /// What the event would prove.
    pub(super) proof: Proof,
    /// Whether the venue denied it.
    pub(super) is_denial: bool,
    /// Whether the venue is asked about it now.
    pub(super) is_question: bool,
}

/// Keeps account of what is asked while an outcome is hidden, and of what brings it to light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Scrutiny {
    doubt: Option<Doubt>,
    resolution: Option<Resolution>,
}

impl Scrutiny {
    /// Takes in what an event did.
    pub(super) fn follow(&mut self, now: Timestamp, client_order_id: ClientOrderId, turn: Turn) {
        if turn.outcome.is_none() && self.doubt.is_none() {
            self.doubt = Some(Doubt::begin(now));
        }
        let Some(doubt) = &mut self.doubt else { return };
        if turn.is_denial {
            doubt.on_denial(now);
        }
        if turn.is_question {
            doubt.on_question(now);
        }
        if let Some(outcome) = turn.outcome {
            let (proof, doubt) = (turn.proof, *doubt);
            self.resolution = Some(Resolution { client_order_id, outcome, proof, at: now, doubt });
            self.doubt = None;
        }
    }

    /// How a hidden outcome came to light since this was last asked.
    pub(super) const fn take(&mut self) -> Option<Resolution> {
        self.resolution.take()
    }
}

/// A hidden outcome that came to light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// Which order or stop.
    pub client_order_id: ClientOrderId,
    /// Where it stands.
    pub outcome: Outcome,
    /// By what that is known.
    pub proof: Proof,
    /// When it became known.
    pub at: Timestamp,
    /// What was asked before.
    pub doubt: Doubt,
}

impl fmt::Display for Resolution {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client_order_id, outcome, proof, at, doubt } = self;
        let hidden_ms = at.since(doubt.since).as_millis();
        write!(
            formatter,
            "{client_order_id}, unknown for {hidden_ms} ms, is {}",
            outcome.as_str()
        )?;
        formatter.write_str(match proof {
            Proof::Answer => ": an answer says so",
            Proof::Told => ": the account's stream or a late answer says so",
            Proof::Account => ": the account's report lists it",
            Proof::Trade => ": a trade of it was booked",
            Proof::Refusal => ": a late answer says so",
            Proof::Absence => ": the venue knows nothing of it past the window",
        })?;
        write!(formatter, "; {} questions, {} denials", doubt.questions, doubt.denials)?;
        match doubt.first_asked_at.zip(doubt.last_asked_at) {
            Some((first, last)) => write!(formatter, ", asked from {first} to {last}"),
            None => Ok(()),
        }
    }
}
