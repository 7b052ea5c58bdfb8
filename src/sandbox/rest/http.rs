//! HTTP over loopback, by axum: carries requests to the floor and its replies back, as well as the
//! faults that are on let it.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::time::sleep;

use super::super::faults::{Delivery, Loss, Served};
use super::super::mailbox::FloorHandle;
use super::super::refusal::Refusal;
use super::line::Line;
use super::{Reply, Request};

/// No request of the protocol is longer.
const LONGEST_BODY: usize = 64 * 1_024;

/// A connection on which nothing comes is kept so long: no client waits longer.
const LONGEST_SILENCE: Duration = Duration::from_mins(2);

/// Everything goes to one place: the protocol has its own table of paths.
pub(in crate::sandbox) fn service(
    floor: FloorHandle,
) -> IntoMakeServiceWithConnectInfo<Router, Line> {
    Router::new()
        .fallback(carry)
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .with_state(floor)
        .into_make_service_with_connect_info()
}

async fn carry(
    State(floor): State<FloorHandle>,
    ConnectInfo(line): ConnectInfo<Line>,
    (method, uri, headers): (Method, Uri, HeaderMap),
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
    match floor.serve(request).await {
        Some(Served::Answered(reply, delivery)) => deliver(reply, delivery, &line).await,
        Some(Served::Lost(loss)) => lose(loss, &line).await,
        None => Reply::refused(&Refusal::shutting_down()).into_response(),
    }
}

async fn deliver(reply: Reply, delivery: Delivery, line: &Line) -> Response {
    if let Some(loss) = delivery.loss {
        return lose(loss, line).await;
    }
    if !delivery.wait.is_zero() {
        sleep(delivery.wait).await;
    }
    match delivery.byte_pause {
        None => reply.into_response(),
        Some(pause) => trickle(reply, pause),
    }
}

/// Cuts the line, at once or after a long silence; what is returned is never sent.
async fn lose(loss: Loss, line: &Line) -> Response {
    match loss {
        Loss::Cut => {}
        Loss::Silence => sleep(LONGEST_SILENCE).await,
    }
    line.cut();
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

/// The answer whole in its head, and byte by byte in its body.
fn trickle(mut reply: Reply, pause: Duration) -> Response {
    let bytes = Bytes::from(std::mem::take(&mut reply.body));
    let length = HeaderValue::from(bytes.len());
    let drops = futures_util::stream::unfold(bytes, move |mut left| async move {
        if left.is_empty() {
            return None;
        }
        sleep(pause).await;
        let drop = left.split_to(1);
        Some((Ok::<_, std::convert::Infallible>(drop), left))
    });
    let mut response = reply.into_response();
    *response.body_mut() = Body::from_stream(drops);
    response.headers_mut().insert(header::CONTENT_LENGTH, length);
    response
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
