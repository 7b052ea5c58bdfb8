//! A TCP connection whose bytes go to the client one by one when that is asked for, as over a line
//! that is nearly dead.
//!
//! What comes from the client is as fast as ever. Invariant: as soon as the pace is that of a sound
//! line again, what waited goes at once.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long at most a change of pace goes unnoticed.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How fast a line carries bytes; shared by whoever sets it.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct Pace(Arc<Pauses>);

/// Milliseconds before each byte; zero for none.
#[derive(Debug, Default)]
struct Pauses {
    of_line: AtomicU64,
    of_frame: AtomicU64,
}

impl Pace {
    /// Sets the pause before each byte of everything.
    pub(super) fn set_of_line(&self, pause: Option<Duration>) {
        self.0.of_line.store(millis(pause), Ordering::Relaxed);
    }

    /// Sets the pause before each byte of the frame being written.
    pub(super) fn set_of_frame(&self, pause: Option<Duration>) {
        self.0.of_frame.store(millis(pause), Ordering::Relaxed);
    }

    /// Whether bytes are made to wait.
    pub(super) fn is_slow(&self) -> bool {
        self.pause().is_some()
    }

    fn pause(&self) -> Option<Duration> {
        let of = |pause: &AtomicU64| pause.load(Ordering::Relaxed);
        let longest = of(&self.0.of_line).max(of(&self.0.of_frame));
        (longest > 0).then(|| Duration::from_millis(longest))
    }
}

fn millis(pause: Option<Duration>) -> u64 {
    pause.map_or(0, |pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX))
}

/// A connection and its pace.
#[derive(Debug)]
pub(super) struct PacedLine {
    socket: TcpStream,
    pace: Pace,
    last_byte_at: Instant,
    look_at: Pin<Box<Sleep>>,
}

impl PacedLine {
    /// A line that is sound until told otherwise.
    pub(super) fn new(socket: TcpStream) -> Self {
        let now = Instant::now();
        let look_at = Box::pin(sleep_until(now));
        Self { socket, pace: Pace::default(), last_byte_at: now, look_at }
    }

    /// The handle by which its pace is set.
    pub(super) fn pace(&self) -> Pace {
        self.pace.clone()
    }

    /// How many bytes may go now; pending while the next has to wait.
    fn poll_allowance(&mut self, context: &mut Context<'_>) -> Poll<usize> {
        loop {
            let Some(pause) = self.pace.pause() else { return Poll::Ready(usize::MAX) };
            let waited = self.last_byte_at.elapsed();
            if waited >= pause {
                return Poll::Ready(1);
            }
            let left = pause.saturating_sub(waited).min(LOOK_AGAIN);
            self.look_at.as_mut().reset(Instant::now() + left);
            ready!(self.look_at.as_mut().poll(context));
        }
    }
}

impl AsyncRead for PacedLine {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for PacedLine {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let allowance = ready!(self.poll_allowance(context)).min(bytes.len());
        let written = ready!(Pin::new(&mut self.socket).poll_write(context, &bytes[..allowance]));
        self.last_byte_at = Instant::now();
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
