//! Every open socket, what it subscribed to, and the delivery of frames to it.
//!
//! Invariants: **1** a socket hears only streams of its own route; **2** a frame is made once and
//! shared; **3** memory is bounded: whoever does not read is cut off.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::CancellationToken;

use super::super::underway::CallAnswer;
use super::control::{self, Control};
use super::pace::Pace;
use super::route::{Address, Route};

/// Frames a socket may lag behind: five busy symbols for about ten seconds.
pub(super) const OUTBOX_CAPACITY: usize = 4_096;

/// Streams of one socket, as at the venue.
const MOST_STREAMS: usize = 1_024;

/// Names a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sandbox) struct SocketId(u64);

/// A socket about to be taken in.
#[derive(Debug)]
pub(in crate::sandbox) struct Opening {
    pub(super) address: Address,
    pub(super) outbox: mpsc::Sender<Frame>,
    /// Cancelled when the socket must go.
    pub(super) cut: CancellationToken,
    /// How fast its line carries bytes.
    pub(super) pace: Pace,
}

/// One frame on its way to a socket.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Frame {
    pub(in crate::sandbox) text: Utf8Bytes,
    /// With this pause before each byte.
    pub(super) byte_pause: Option<Duration>,
}

impl From<Utf8Bytes> for Frame {
    fn from(text: Utf8Bytes) -> Self {
        Self { text, byte_pause: None }
    }
}

/// The open sockets.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct Hub {
    opened: u64,
    sockets: BTreeMap<SocketId, Opening>,
    /// Routes whose frames are not sent, with how many were not since last asked.
    frozen: BTreeMap<Route, u64>,
    /// Routes whose frames go byte by byte, with the pause before each byte and how many frames
    /// have gone since last asked.
    slowed: BTreeMap<Route, (Duration, u64)>,
    /// Streams that sockets do not hear any more, though they are subscribed to them.
    muted: BTreeMap<SocketId, BTreeSet<String>>,
}

impl Hub {
    pub(in crate::sandbox) fn open(&mut self, opening: Opening) -> SocketId {
        self.opened += 1;
        let id = SocketId(self.opened);
        self.sockets.insert(id, opening);
        id
    }

    pub(in crate::sandbox) fn close(&mut self, id: SocketId) {
        self.sockets.remove(&id);
        self.muted.remove(&id);
    }

    /// Lets the sockets open now hear nothing more of the streams a test points at.
    pub(in crate::sandbox) fn mute(&mut self, is_meant: impl Fn(&str) -> bool) {
        for (id, socket) in &self.sockets {
            let meant = socket.address.streams.iter().filter(|name| is_meant(name));
            self.muted.entry(*id).or_default().extend(meant.cloned());
        }
    }

    /// How many sockets are open.
    pub(in crate::sandbox) fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Cuts every socket without a word.
    pub(in crate::sandbox) fn cut_all(&mut self) {
        for socket in std::mem::take(&mut self.sockets).into_values() {
            socket.cut.cancel();
        }
    }

    /// Whether a socket was opened for calls and hears no streams.
    pub(in crate::sandbox) fn is_for_calls(&self, id: SocketId) -> bool {
        self.sockets.get(&id).is_some_and(|socket| socket.address.route == Route::Calls)
    }

    /// Sends the answer to a call, if its socket is still there.
    pub(in crate::sandbox) fn answer(&mut self, answer: CallAnswer) {
        let CallAnswer { socket, text, byte_pause } = answer;
        self.deliver(socket, Frame { text: Utf8Bytes::from(text), byte_pause });
    }

    /// Cuts one socket without a word.
    pub(in crate::sandbox) fn cut_off(&mut self, id: SocketId) {
        if let Some(socket) = self.sockets.remove(&id) {
            socket.cut.cancel();
        }
    }

    /// Withholds the frames of these routes from now on, and of no others.
    pub(in crate::sandbox) fn freeze(&mut self, is_frozen: impl Fn(Route) -> bool) {
        for route in [Route::Public, Route::Market, Route::Private] {
            if is_frozen(route) {
                self.frozen.entry(route).or_default();
            } else {
                self.frozen.remove(&route);
            }
        }
    }

    /// How many frames of each frozen route were withheld since last asked.
    pub(in crate::sandbox) fn take_withheld(&mut self) -> Vec<(Route, u64)> {
        self.frozen.iter_mut().map(|(route, count)| (*route, std::mem::take(count))).collect()
    }

    /// Lets the frames of these routes go byte by byte from now on, and of no others.
    pub(in crate::sandbox) fn slow(&mut self, pause_of: impl Fn(Route) -> Option<Duration>) {
        for route in Route::OF_STREAMS {
            match pause_of(route) {
                Some(pause) => self.slowed.entry(route).or_default().0 = pause,
                None => {
                    self.slowed.remove(&route);
                }
            }
        }
        for socket in self.sockets.values() {
            let slowed = self.slowed.get(&socket.address.route);
            socket.pace.set_of_line(slowed.map(|(pause, _)| *pause));
        }
    }

    /// How many frames of each slowed route have gone since last asked.
    pub(in crate::sandbox) fn take_slowed(&mut self) -> Vec<(Route, u64)> {
        self.slowed
            .iter_mut()
            .map(|(route, slowed)| (*route, std::mem::take(&mut slowed.1)))
            .collect()
    }

    fn count_slowed(&mut self, id: SocketId) {
        let route = self.sockets.get(&id).map(|socket| socket.address.route);
        if let Some((_, count)) = route.and_then(|route| self.slowed.get_mut(&route)) {
            *count += 1;
        }
    }

    /// Whether a listener of the account's key is there.
    pub(in crate::sandbox) fn has_listener(&self, key: &str) -> bool {
        self.sockets.values().any(|socket| socket.hears(Route::Private, key))
    }

    /// Whether anybody hears a book stream whose name begins so.
    pub(in crate::sandbox) fn has_listener_of(&self, beginning: &str) -> bool {
        self.sockets.values().any(|socket| {
            let mut from = socket.address.streams.range(beginning.to_owned()..);
            socket.address.route == Route::Public
                && from.next().is_some_and(|name| name.starts_with(beginning))
        })
    }

    /// Whether a frame of a route is withheld; each that is counts.
    fn withholds(&mut self, route: Route, listeners: usize) -> bool {
        let Some(count) = self.frozen.get_mut(&route) else { return false };
        *count += u64::try_from(listeners).unwrap_or(u64::MAX);
        true
    }

    /// Cuts the sockets subscribed to a stream that is meant, without a word.
    pub(in crate::sandbox) fn cut(&mut self, is_meant: impl Fn(&str) -> bool) {
        self.sockets.retain(|_, socket| {
            let is_cut = socket.address.streams.iter().any(|name| is_meant(name));
            if is_cut {
                socket.cut.cancel();
            }
            !is_cut
        });
    }

    /// Answers a control message of a socket.
    pub(in crate::sandbox) fn control(&mut self, id: SocketId, text: &str) {
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        let reply = match control::parse(text) {
            Ok(message) => {
                let result = socket.obey(message.control);
                result.map_or_else(
                    |why| control::refused(&message.id, 2, why),
                    |result| control::result(&message.id, &result),
                )
            }
            Err(refused) => refused,
        };
        self.deliver(id, Frame::from(Utf8Bytes::from(reply)));
    }

    /// Whether anybody hears a public stream.
    pub(super) fn is_heard(&self, route: Route, stream: &str) -> bool {
        self.sockets.values().any(|socket| socket.hears(route, stream))
    }

    /// Sends a public frame to whoever subscribed to it, making it only if somebody did.
    pub(super) fn publish(&mut self, route: Route, stream: &str, make: impl FnOnce() -> String) {
        let listeners: Vec<SocketId> = self
            .sockets
            .iter()
            .filter(|(id, socket)| socket.hears(route, stream) && !self.is_muted(**id, stream))
            .map(|(id, _)| *id)
            .collect();
        if !listeners.is_empty() && !self.withholds(route, listeners.len()) {
            self.send(&listeners, stream, &make());
        }
    }

    /// Sends a frame of the account to the listeners of a key.
    pub(in crate::sandbox) fn publish_private(&mut self, key: &str, event: &str, payload: &str) {
        let listeners: Vec<SocketId> = self
            .sockets
            .iter()
            .filter(|(id, socket)| {
                let wanted = &socket.address.events;
                socket.hears(Route::Private, key)
                    && !self.is_muted(**id, key)
                    && wanted.as_ref().is_none_or(|wanted| wanted.contains(event))
            })
            .map(|(id, _)| *id)
            .collect();
        if !self.withholds(Route::Private, listeners.len()) {
            self.send(&listeners, key, payload);
        }
    }

    fn is_muted(&self, id: SocketId, stream: &str) -> bool {
        self.muted.get(&id).is_some_and(|muted| muted.contains(stream))
    }

    fn send(&mut self, listeners: &[SocketId], stream: &str, payload: &str) {
        let (mut raw, mut wrapped) = (None, None);
        for id in listeners {
            let is_wrapped = self.sockets.get(id).is_some_and(|socket| socket.address.is_wrapped);
            let frame: &mut Option<Utf8Bytes> = if is_wrapped { &mut wrapped } else { &mut raw };
            let frame = frame.get_or_insert_with(|| {
                if is_wrapped {
                    Utf8Bytes::from(format!(r#"{{"stream":"{stream}","data":{payload}}}"#))
                } else {
                    Utf8Bytes::from(payload)
                }
            });
            let frame = Frame::from(frame.clone());
            self.count_slowed(*id);
            self.deliver(*id, frame);
        }
    }

    fn deliver(&mut self, id: SocketId, frame: Frame) {
        let Some(socket) = self.sockets.get(&id) else { return };
        if socket.outbox.try_send(frame).is_err() {
            tracing::debug!(?id, "a socket does not read and is cut off");
            self.cut_off(id);
        }
    }
}

impl Opening {
    pub(in crate::sandbox) fn is_for_calls(&self) -> bool {
        self.address.route == Route::Calls
    }

    pub(super) fn is_for_spot(&self) -> bool {
        self.address.route == Route::Spot
    }

    /// Turns the socket away.
    pub(in crate::sandbox) fn refuse(&self) {
        self.cut.cancel();
    }

    fn hears(&self, route: Route, stream: &str) -> bool {
        self.address.route == route && self.address.streams.contains(stream)
    }

    /// Does what a control message asks; the answer is the `result` of the reply, or why nothing
    /// was done.
    fn obey(&mut self, control: Control) -> Result<serde_json::Value, &'static str> {
        let address = &mut self.address;
        Ok(match control {
            Control::Subscribe(names) => {
                let mut wanted = address.streams.clone();
                wanted.extend(names);
                if wanted.len() > MOST_STREAMS {
                    return Err("Invalid request: too many streams");
                }
                address.streams = wanted;
                serde_json::Value::Null
            }
            Control::Unsubscribe(names) => {
                let leaving: BTreeSet<String> = names.into_iter().collect();
                address.streams.retain(|name| !leaving.contains(name));
                serde_json::Value::Null
            }
            Control::List => address.streams.iter().map(String::as_str).collect(),
            Control::SetWrapped(is_wrapped) => {
                address.is_wrapped = is_wrapped;
                serde_json::Value::Null
            }
            Control::IsWrapped => address.is_wrapped.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(hub: &mut Hub, path: &str) -> (SocketId, mpsc::Receiver<Frame>, CancellationToken) {
        let (outbox, frames) = mpsc::channel(2);
        let cut = CancellationToken::new();
        let address = Address::parse(path, "").unwrap();
        let opening = Opening { address, outbox, cut: cut.clone(), pace: Pace::default() };
        (hub.open(opening), frames, cut)
    }

    #[test]
    fn invariant_1_a_stream_on_the_wrong_route_is_acknowledged_and_silent() {
        let mut hub = Hub::default();
        let (id, mut frames, _) = socket(&mut hub, "/public/ws");
        hub.control(id, r#"{"method":"SUBSCRIBE","params":["btcusdt@aggTrade"],"id":1}"#);
        assert_eq!(frames.try_recv().unwrap().text.as_str(), r#"{"id":1,"result":null}"#);
        hub.publish(Route::Market, "btcusdt@aggTrade", || unreachable!("nobody hears it"));
        assert!(frames.try_recv().is_err());
    }

    #[test]
    fn invariant_3_a_socket_that_does_not_read_is_cut_off() {
        let mut hub = Hub::default();
        let (_, mut frames, cut) = socket(&mut hub, "/public/ws/a");
        for _ in 0..3 {
            hub.publish(Route::Public, "a", || "{}".to_owned());
        }
        assert!(cut.is_cancelled() && hub.len() == 0);
        assert!(frames.try_recv().is_ok(), "what was queued may still be read");
    }

    #[test]
    fn a_subscription_beyond_the_limit_is_refused_whole() {
        let mut hub = Hub::default();
        let (id, mut frames, _) = socket(&mut hub, "/market/ws/first");
        let names: Vec<String> = (0..MOST_STREAMS).map(|number| format!("s{number}")).collect();
        let ask = |names: &[String]| {
            serde_json::json!({ "method": "SUBSCRIBE", "params": names, "id": 1 }).to_string()
        };
        hub.control(id, &ask(&names));
        let refused = frames.try_recv().unwrap();
        assert!(refused.text.as_str().contains("too many streams"), "{refused:?}");
        hub.control(id, r#"{"method":"LIST_SUBSCRIPTIONS","id":2}"#);
        assert_eq!(frames.try_recv().unwrap().text.as_str(), r#"{"id":2,"result":["first"]}"#);
        hub.control(id, &ask(&names[1..]));
        assert_eq!(frames.try_recv().unwrap().text.as_str(), r#"{"id":1,"result":null}"#);
    }

    #[test]
    fn subscriptions_are_listed_and_left() {
        let mut hub = Hub::default();
        let (id, mut frames, _) = socket(&mut hub, "/market/ws/a/b");
        hub.control(id, r#"{"method":"UNSUBSCRIBE","params":["a"],"id":7}"#);
        hub.control(id, r#"{"method":"LIST_SUBSCRIPTIONS","id":"x"}"#);
        assert_eq!(frames.try_recv().unwrap().text.as_str(), r#"{"id":7,"result":null}"#);
        assert_eq!(frames.try_recv().unwrap().text.as_str(), r#"{"id":"x","result":["b"]}"#);
    }
}
