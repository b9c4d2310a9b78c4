//! The server: its own thread with its own runtime, so that a binary without `async` can start and stop it.

use crate::feed::{Feed, Published};
use crate::pages::{Files, Page};
use crate::{ServingError, files, live};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Map, Value, json};
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
    /// The pages; the first one is also that of `/`.
    pub pages: Vec<Page>,
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
        let (feeds, pages) = open(site.pages).map_err(ServingError::Start)?;
        let (stop, stopped) = oneshot::channel();
        let shared = Shared { pages: pages.into(), places: Arc::new(Semaphore::new(MOST_PAGES)), metrics: site.metrics };
        let thread = std::thread::Builder::new().name("serving".into()).spawn(move || {
            if let Err(reason) = runtime.block_on(serve(listener, shared, feeds, stopped)) {
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
        f.debug_struct("Site").field("pages", &self.pages).field("metrics", &self.metrics.is_some()).finish_non_exhaustive()
    }
}

/// Starts to read for all pages.
fn open(pages: Vec<Page>) -> std::io::Result<(Vec<Feed>, Vec<Served>)> {
    let mut opened = (Vec::new(), Vec::new());
    for page in pages {
        let (files, view) = page.open();
        let (feed, published) = Feed::start(view)?;
        opened.0.push(feed);
        opened.1.push(Served { files, published });
    }
    Ok(opened)
}

/// A page with what is known for it.
struct Served {
    files: Files,
    published: watch::Receiver<Published>,
}

#[derive(Clone)]
struct Shared {
    pages: Arc<[Served]>,
    places: Arc<Semaphore>,
    metrics: Option<PrometheusHandle>,
}

async fn serve(listener: TcpListener, shared: Shared, feeds: Vec<Feed>, stopped: oneshot::Receiver<()>) -> std::io::Result<()> {
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
    // With its feed ends every live page, so that only short requests remain.
    drop((feeds, stopping));
    upkeep.inspect(|task| task.abort());
    tokio::time::timeout(STOP_WITHIN, serving).await.unwrap_or(Ok(()))
}

fn routes(shared: Shared) -> Router {
    Router::new()
        .route("/", get(first_page))
        .route("/{name}", get(page_or_file))
        .route("/events", get(first_events))
        .route("/events/{page}", get(events))
        .route("/api/pages", get(pages))
        .route("/api/{page}", get(snapshot))
        .route("/health", get(health))
        .route("/prometheus", get(prometheus))
        .with_state(shared)
}

impl Shared {
    fn page(&self, name: &str) -> Option<&Served> {
        self.pages.iter().find(|page| page.files.name == name)
    }
}

async fn first_page(State(shared): State<Shared>) -> Response {
    shared.pages.first().map_or_else(no_page, html)
}

async fn page_or_file(State(shared): State<Shared>, Path(name): Path<String>) -> Response {
    match shared.page(&name) {
        Some(page) => html(page),
        None => files::file(&name).map_or_else(no_page, IntoResponse::into_response),
    }
}

fn html(page: &Served) -> Response {
    files::html(page.files.name, page.files.title, page.files.main).into_response()
}

async fn first_events(State(shared): State<Shared>) -> Response {
    shared.pages.first().map_or_else(no_page, |page| listen(&shared, page))
}

async fn events(State(shared): State<Shared>, Path(name): Path<String>) -> Response {
    shared.page(&name).map_or_else(no_page, |page| listen(&shared, page))
}

fn listen(shared: &Shared, page: &Served) -> Response {
    match shared.places.clone().try_acquire_owned() {
        Ok(permit) => live::events(page.published.clone(), permit).into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open\n").into_response(),
    }
}

async fn snapshot(State(shared): State<Shared>, Path(name): Path<String>) -> Response {
    shared.page(&name).map_or_else(no_page, |page| json_text(StatusCode::OK, page.published.borrow().snapshot.to_string()))
}

async fn pages(State(shared): State<Shared>) -> Response {
    let pages: Vec<_> = shared.pages.iter().map(|page| json!({ "name": page.files.name, "title": page.files.title })).collect();
    json_text(StatusCode::OK, Value::from(pages).to_string())
}

fn no_page() -> Response {
    (StatusCode::NOT_FOUND, "there is no such page here; /api/pages has those that there are\n").into_response()
}

async fn health(State(shared): State<Shared>) -> Response {
    let (mut answer, mut problem) = (Map::new(), None);
    for page in &*shared.pages {
        let known = page.published.borrow();
        problem = problem.or_else(|| known.problem.clone());
        answer.insert(page.files.name.replace('-', "_"), json!({ "sequence": known.sequence, "as_of_ms": known.as_of_ms }));
    }
    let (code, status) = match problem {
        None => (StatusCode::OK, "ok"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "degraded"),
    };
    answer.insert("status".into(), status.into());
    answer.insert("reason".into(), problem.as_deref().into());
    json_text(code, Value::Object(answer).to_string())
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
