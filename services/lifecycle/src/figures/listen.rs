//! A door for Prometheus, of programs that have no other over HTTP.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Connections at one time: one collector needs one.
const CONNECTIONS_MAX: usize = 16;

/// How long a request may take to arrive, and a connection to last.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(120));

/// Answers `/metrics` with the figures, and `/livez`, for ever. Before each answer `report` brings up to date
/// what nothing else does.
pub async fn serve_figures<R>(listener: TcpListener, figures: PrometheusHandle, report: R)
where
    R: Fn() + Clone + Send + 'static,
{
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // At the limit, further connections wait in the kernel's bounded queue.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (figures, report) = (figures.clone(), report.clone());
        let answered = service_fn(move |request| {
            let answer = answer(&request, &figures, &report);
            async move { Ok::<_, Infallible>(answer) }
        });
        let mut builder = Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE.0);
        let connection = builder.serve_connection(TokioIo::new(stream), answered);
        tokio::spawn(async move {
            // How it ends concerns nobody but the collector.
            let _ended = timeout(PATIENCE.1, connection).await;
            drop(place);
        });
    }
}

fn answer(
    request: &Request<Incoming>,
    figures: &PrometheusHandle,
    report: &impl Fn(),
) -> Response<String> {
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => {
            report();
            (StatusCode::OK, figures.render())
        }
        (&Method::GET, "/livez") => (StatusCode::OK, "ok\n".to_owned()),
        (&Method::GET, _) => (StatusCode::NOT_FOUND, "see /metrics\n".to_owned()),
        _ => (StatusCode::METHOD_NOT_ALLOWED, String::new()),
    };
    let mut response = Response::new(text);
    *response.status_mut() = status;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    let kind = hyper::header::HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
