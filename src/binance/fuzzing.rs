//! What sockets of the venue say to the client, for the fuzz targets: they know no private types.

use super::control::{Answer, Control};
use super::order_socket::answer::{Answer as SocketAnswer, id_of};
use crate::domain::Timestamp;

/// A connection that has asked for two streams and for the list of them.
#[derive(Debug)]
pub struct AskingClient(Control);

impl Default for AskingClient {
    fn default() -> Self {
        let mut control = Control::default();
        control.subscribe(&["btcusdt@aggTrade".to_owned(), "btcusdt@bookTicker".to_owned()]);
        control.list();
        let now = Timestamp::from_seconds(1_700_000_000);
        while control.due(now).is_some() {}
        Self(control)
    }
}

impl AskingClient {
    /// Hears a frame; what it took it for, in few words, if it was an answer. Names that are
    /// listed may be the listen key and are only counted.
    pub fn hear(&mut self, text: &str) -> Option<String> {
        Some(match self.0.hear(text)? {
            Answer::Subscribed => "subscribed".to_owned(),
            Answer::Listed(names) => format!("{} listed", names.len()),
            Answer::Refused(why) => why,
        })
    }
}

/// Reads a message of the order socket: the id it answers, and its status; or why it cannot be
/// read.
///
/// # Errors
/// A message for people.
pub fn read_order_answer(text: &str) -> Result<(Option<u64>, u16, bool), String> {
    let answer = SocketAnswer::read(text).map_err(|error| error.to_string())?;
    Ok((id_of(text), answer.status, answer.outcome.is_ok()))
}
