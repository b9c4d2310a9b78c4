//! The server: its own thread with its own runtime, so that a binary without `async` can start and stop it.

use crate::feed::{Feed, Published};
use crate::{SalesSource, ServingError, live, page};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot, watch};
use tracing::{error, info};

/// Where a server listens unless told otherwise: only this machine reaches it.
pub const DEFAULT_ADDRESS: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8080));

/// How many pages may be open at once.
const MOST_PAGES: usize = 256;
/// How long open requests may take once the server is to stop.
const STOP_WITHIN: Duration = Duration::from_secs(2);
/// How often histograms are folded, which bounds their memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// What is served.
pub struct Site {
    /// Where the category sales are read.
    pub sales: Box<dyn SalesSource>,
    /// The process' metrics; without them `/prometheus` is not there.
    pub metrics: Option<PrometheusHandle>,
}

/// A server at work. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on `address` (port 0: any free one) and serves in the background.
    pub fn start(address: SocketAddr, site: Site) -> Result<Server, ServingError> {
        let listen = |reason| ServingError::Listen { address, reason };
        let listener = TcpListener::bind(address).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServingError::Start)?;
        let (feed, pages) = Feed::start(site.sales).map_err(ServingError::Start)?;
        let (stop, stopped) = oneshot::channel();
        let shared = Shared { pages, places: Arc::new(Semaphore::new(MOST_PAGES)), metrics: site.metrics };
        let thread = std::thread::Builder::new().name("serving".into()).spawn(move || {
            if let Err(reason) = runtime.block_on(serve(listener, shared, feed, stopped)) {
                error!(%reason, "the server has stopped");
            }
            runtime.shutdown_timeout(Duration::ZERO);
        });
        info!(%address, "serving");
        Ok(Server { address, stop: Some(stop), thread: Some(thread.map_err(ServingError::Start)?) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends open pages and requests, and waits for that, two seconds at most.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by its own thread.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("metrics", &self.metrics.is_some()).finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Shared {
    pages: watch::Receiver<Published>,
    places: Arc<Semaphore>,
    metrics: Option<PrometheusHandle>,
}

async fn serve(listener: TcpListener, shared: Shared, feed: Feed, stopped: oneshot::Receiver<()>) -> std::io::Result<()> {
    // Without it a push waits for the acknowledgement of the one before.
    let listener = tokio::net::TcpListener::from_std(listener)?.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    let upkeep = shared.metrics.clone().map(|metrics| tokio::spawn(keep_up(metrics)));
    let (stopping, until) = oneshot::channel::<()>();
    let serving = axum::serve(listener, routes(shared)).with_graceful_shutdown(async {
        let _ = until.await;
    });
    let mut serving = std::pin::pin!(serving.into_future());
    tokio::select! {
        ended = &mut serving => return ended,
        _ = stopped => {}
    }
    // With the feed ends every live page, so that only short requests remain.
    drop((feed, stopping));
    upkeep.inspect(|task| task.abort());
    tokio::time::timeout(STOP_WITHIN, serving).await.unwrap_or(Ok(()))
}

fn routes(shared: Shared) -> Router {
    Router::new()
        .route("/", get(page::html))
        .route("/page.css", get(page::css))
        .route("/page.js", get(page::script))
        .route("/chart.js", get(page::chart))
        .route("/icon.svg", get(page::icon))
        .route("/events", get(events))
        .route("/api/category-sales", get(category_sales))
        .route("/health", get(health))
        .route("/prometheus", get(prometheus))
        .with_state(shared)
}

async fn events(State(shared): State<Shared>) -> Response {
    match shared.places.try_acquire_owned() {
        Ok(permit) => live::events(shared.pages, permit).into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open\n").into_response(),
    }
}

async fn category_sales(State(shared): State<Shared>) -> Response {
    json_text(StatusCode::OK, shared.pages.borrow().snapshot.to_string())
}

async fn health(State(shared): State<Shared>) -> Response {
    let known = shared.pages.borrow();
    let (code, status) = match known.problem {
        None => (StatusCode::OK, "ok"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "degraded"),
    };
    let answer = json!({
        "status": status,
        "reason": known.problem.as_deref(),
        "category_sales": { "sequence": known.sequence, "as_of_ms": known.as_of_ms },
    });
    json_text(code, answer.to_string())
}

async fn prometheus(State(shared): State<Shared>) -> Response {
    match shared.metrics {
        Some(metrics) => ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render()).into_response(),
        None => (StatusCode::NOT_FOUND, "this process hands no metrics in\n").into_response(),
    }
}

fn json_text(code: StatusCode, text: String) -> Response {
    (code, [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], text).into_response()
}

async fn keep_up(metrics: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
    }
}
