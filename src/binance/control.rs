//! What is said to a stream connection besides pings: `SUBSCRIBE` and `LIST_SUBSCRIPTIONS`
//! (exchange-api.md 2.5). Pure.
//!
//! Invariants: **1** at most [`MOST_A_SECOND`] messages go out in any second; **2** an answer is
//! matched by its id, and one that refuses or does not come is a failure of the connection;
//! **3** no message holds what the venue lists: on the account's route that is the listen key.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::Timestamp;

/// Half the futures limit; with a ping a second it keeps to spot's five as well.
const MOST_A_SECOND: usize = 4;
const SECOND: Duration = Duration::from_secs(1);
/// Names in one message: about 2 kB.
const NAMES_A_MESSAGE: usize = 100;
/// The venue answers in milliseconds; after so long it will not.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

/// The control messages of one connection.
#[derive(Debug, Default)]
pub(super) struct Control {
    last_id: u64,
    waiting: VecDeque<Ask>,
    asked: BTreeMap<u64, (Ask, Timestamp)>,
    /// When the newest messages went out.
    sent: VecDeque<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Ask {
    Subscribe(Vec<String>),
    List,
}

/// What the other side answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Streams are subscribed to.
    Subscribed,
    /// These are.
    Listed(Vec<String>),
    /// It would not, and why, for people.
    Refused(String),
}

#[derive(Deserialize)]
struct Wire<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<WireError>,
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    code: i64,
}

impl Control {
    /// Asks for streams, in as many messages as that takes.
    pub(super) fn subscribe(&mut self, names: &[String]) {
        let messages = names.chunks(NAMES_A_MESSAGE).map(|names| Ask::Subscribe(names.to_vec()));
        self.waiting.extend(messages);
    }

    /// Asks which streams are subscribed to, unless that is being asked.
    pub(super) fn list(&mut self) {
        let mut asking = self.waiting.iter().chain(self.asked.values().map(|(ask, _)| ask));
        if !asking.any(|ask| *ask == Ask::List) {
            self.waiting.push_back(Ask::List);
        }
    }

    /// The next message, if one may go out now; it counts as sent.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<String> {
        if self.next_turn().is_none_or(|turn| turn > now) {
            return None;
        }
        let ask = self.waiting.pop_front()?;
        self.last_id += 1;
        let id = self.last_id;
        let message = match &ask {
            Ask::Subscribe(names) => {
                serde_json::json!({ "method": "SUBSCRIBE", "params": names, "id": id })
            }
            Ask::List => serde_json::json!({ "method": "LIST_SUBSCRIPTIONS", "id": id }),
        };
        self.asked.insert(id, (ask, now));
        if self.sent.len() >= MOST_A_SECOND {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
        Some(message.to_string())
    }

    /// When to look again: at the next message's turn, or when an answer is overdue.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        let answer = self.asked.values().map(|(_, at)| *at + ANSWER_DEADLINE).min();
        self.next_turn().into_iter().chain(answer).min()
    }

    /// Whether an answer has not come in time.
    pub(super) fn is_overdue(&self, now: Timestamp) -> bool {
        self.asked.values().any(|(_, at)| now.since(*at) >= ANSWER_DEADLINE)
    }

    /// Reads a frame that may be an answer; `None` if it is none of ours.
    pub(super) fn hear(&mut self, text: &str) -> Option<Answer> {
        if self.asked.is_empty() || text.starts_with(r#"{"stream""#) {
            return None;
        }
        let answer: Wire<'_> = serde_json::from_str(text).ok()?;
        if let (None, Some(error)) = (answer.id, &answer.error) {
            // A message that could not be read at all is answered without its id.
            return Some(Answer::Refused(format!("control message refused, code {}", error.code)));
        }
        let (ask, _) = self.asked.remove(&answer.id?)?;
        if let Some(error) = answer.error {
            return Some(Answer::Refused(format!("control message refused, code {}", error.code)));
        }
        Some(match ask {
            Ask::Subscribe(_) => Answer::Subscribed,
            Ask::List => {
                let listed = answer.result.map(RawValue::get).unwrap_or_default();
                match serde_json::from_str(listed) {
                    Ok(names) => Answer::Listed(names),
                    Err(_) => Answer::Refused("subscriptions are not listed".to_owned()),
                }
            }
        })
    }

    /// When the next message may go out; `None` if none waits.
    fn next_turn(&self) -> Option<Timestamp> {
        self.waiting.front()?;
        let full = self.sent.len() >= MOST_A_SECOND;
        let oldest = self.sent.front().filter(|_| full);
        Some(oldest.map_or(Timestamp::default(), |sent| *sent + SECOND))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn invariant_1_no_second_holds_more_than_four_messages() {
        let mut control = Control::default();
        let names: Vec<String> = (0..1_000).map(|number| format!("s{number}@aggTrade")).collect();
        control.subscribe(&names);
        let mut sent = Vec::new();
        for millis in 0..3_000 {
            while let Some(message) = control.due(at(millis)) {
                assert!(message.contains("SUBSCRIBE"));
                sent.push(millis);
            }
        }
        assert_eq!(sent, [0, 0, 0, 0, 1_000, 1_000, 1_000, 1_000, 2_000, 2_000]);
        assert!(sent.windows(MOST_A_SECOND + 1).all(|some| some[MOST_A_SECOND] - some[0] >= 1_000));
    }

    #[test]
    fn answers_are_matched_by_their_id() {
        let mut control = Control::default();
        control.subscribe(&["btcusdt@aggTrade".to_owned()]);
        control.list();
        control.list();
        let first = control.due(at(0)).unwrap();
        assert_eq!(first, r#"{"id":1,"method":"SUBSCRIBE","params":["btcusdt@aggTrade"]}"#);
        assert_eq!(control.due(at(0)).unwrap(), r#"{"id":2,"method":"LIST_SUBSCRIPTIONS"}"#);
        assert_eq!(control.due(at(0)), None, "it is being asked already");
        assert_eq!(control.hear(r#"{"e":"aggTrade","E":1,"s":"BTCUSDT"}"#), None);
        assert_eq!(control.hear(r#"{"result":null,"id":9}"#), None, "never asked");
        let listed = control.hear(r#"{"result":["btcusdt@aggTrade"],"id":2}"#);
        assert_eq!(listed, Some(Answer::Listed(vec!["btcusdt@aggTrade".to_owned()])));
        assert_eq!(control.hear(r#"{"result":null,"id":1}"#), Some(Answer::Subscribed));
        assert_eq!(control.hear(r#"{"result":null,"id":1}"#), None, "answered already");
        assert_eq!(control.next_deadline(), None);
    }

    #[test]
    fn invariant_2_a_refusal_and_a_missing_answer_are_failures() {
        let mut control = Control::default();
        control.list();
        let _ = control.due(at(0));
        let refusal = r#"{"error":{"code":2,"msg":"Invalid request"},"id":1}"#;
        let refused = Answer::Refused("control message refused, code 2".to_owned());
        assert_eq!(control.hear(refusal), Some(refused.clone()));
        control.list();
        let _ = control.due(at(5));
        let nameless = r#"{"error":{"code":2,"msg":"Invalid request"}}"#;
        assert_eq!(control.hear(nameless), Some(refused));
        assert!(!control.is_overdue(at(10_004)));
        assert_eq!(control.next_deadline(), Some(at(10_005)));
        assert!(control.is_overdue(at(10_005)));
    }
}
