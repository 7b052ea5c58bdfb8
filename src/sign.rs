//! HMAC-SHA256 of a query string, pure; known to the client and to the loopback exchange.
