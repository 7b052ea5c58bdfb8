//! A connection at which a test can end the process between two bytes: the fail points
//! `half sent METHOD PATH`, `sent METHOD PATH`, and `answered METHOD PATH`, whose answer is there
//! and told to nobody.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};

use crate::fail_point;

/// A line that knows what was asked on it last.
pub(super) struct PassingLine<L> {
    line: L,
    asked: Option<String>,
}

impl<L> PassingLine<L> {
    pub(super) const fn over(line: L) -> Self {
        Self { line, asked: None }
    }
}

/// Method and path of a request, without its query; `None` if no request begins here.
fn request_in(bytes: &[u8]) -> Option<String> {
    let line = bytes.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let (method, target, _version) = (words.next()?, words.next()?, words.next()?);
    let path = target.split('?').next()?;
    Some(format!("{method} {path}"))
}

impl<L: Write + Unpin> Write for PassingLine<L> {
    /// A request comes whole: with no vectored writes, hyper hands it over in one piece.
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let request = request_in(bytes);
        if let Some(request) = &request
            && fail_point::is_due(format_args!("half sent {request}"))
        {
            // How much of the half the line takes is all the same.
            let _ = Pin::new(&mut self.line).poll_write(context, &bytes[..bytes.len() / 2]);
            fail_point::strike();
        }
        let written = ready!(Pin::new(&mut self.line).poll_write(context, bytes))?;
        if let Some(request) = request {
            fail_point::pass(format_args!("sent {request}"));
            self.asked = Some(request);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_shutdown(context)
    }
}

impl<L: Read + Unpin> Read for PassingLine<L> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.line).poll_read(context, buffer))?;
        if let Some(request) = self.asked.take() {
            fail_point::pass(format_args!("answered {request}"));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_named_without_its_query() {
        let bytes = b"POST /fapi/v1/order?symbol=BTCUSDT&signature=00 HTTP/1.1\r\nhost: x\r\n\r\n";
        assert_eq!(request_in(bytes).as_deref(), Some("POST /fapi/v1/order"));
        assert_eq!(request_in(b"GET /fapi/v1/time HTTP/1.1\r\n").unwrap(), "GET /fapi/v1/time");
        assert_eq!(request_in(b"symbol=BTCUSDT"), None);
    }
}
