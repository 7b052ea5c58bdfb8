//! HTTP over loopback, by axum: carries requests to the floor and its replies back.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::super::mailbox::FloorHandle;
use super::super::refusal::Refusal;
use super::{Reply, Request};

/// No request of the protocol is longer.
const LONGEST_BODY: usize = 64 * 1_024;

/// Everything goes to one place: the protocol has its own table of paths.
pub(in crate::sandbox) fn router(floor: FloorHandle) -> Router {
    Router::new().fallback(carry).layer(DefaultBodyLimit::max(LONGEST_BODY)).with_state(floor)
}

async fn carry(
    State(floor): State<FloorHandle>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let api_key =
        headers.get("x-mbx-apikey").map(|key| key.to_str().unwrap_or_default().to_owned());
    let request = Request {
        method: method.as_str().to_owned(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
        api_key,
    };
    let stopped = || {
        let refusal = Refusal::shutting_down();
        Reply { status: refusal.status, headers: Vec::new(), body: refusal.body() }
    };
    floor.serve(request).await.unwrap_or_else(stopped).into_response()
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(self.body.into());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}
