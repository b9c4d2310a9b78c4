//! The server over a real socket, with a store whose answers the test decides.

use headwater_serving::{CategorySales, History, Money, Page, Sales, Server, Site, Source, SourceError, WindowSales};
use metrics_exporter_prometheus::PrometheusBuilder;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A store in memory: total in cents, or why it cannot be read.
#[derive(Clone)]
struct Till(Arc<Mutex<Result<i128, &'static str>>>);

impl Till {
    fn new() -> Self {
        Till(Arc::new(Mutex::new(Ok(100))))
    }

    fn set(&self, state: Result<i128, &'static str>) {
        *self.0.lock().expect("nobody panics with it") = state;
    }

    fn serve(&self) -> Server {
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let site = Site { pages: vec![Page::CategorySales(Box::new(self.clone()))], metrics: Some(metrics) };
        Server::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), site).expect("any port is free")
    }
}

impl Source<Sales> for Till {
    fn may_have_changed(&mut self) -> Result<bool, SourceError> {
        Ok(true)
    }

    fn read(&mut self) -> Result<Sales, SourceError> {
        let cents = self.0.lock().expect("nobody panics with it").map_err(|reason| SourceError::Unavailable(reason.into()))?;
        let row = CategorySales { category: "Home".into(), total_sales: Money::from_cents(cents), transaction_count: 1 };
        let (window_start, window_end) = ("2025-11-29T20:04:00Z".into(), "2025-11-29T20:05:00Z".into());
        let window = WindowSales { window_start, window_end, categories: vec![row] };
        Ok(Sales { windows: vec![window], history: History::default(), absent: None })
    }
}

fn request(server: &Server, path: &str) -> TcpStream {
    let mut connection = TcpStream::connect(server.address()).expect("it listens");
    connection.set_read_timeout(Some(Duration::from_secs(10))).expect("a time out is more than zero");
    write!(connection, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("it reads");
    connection
}

/// Head and body of a whole answer.
fn get(server: &Server, path: &str) -> (String, String) {
    let mut answer = String::new();
    request(server, path).read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    (head.to_lowercase(), body.into())
}

/// Reads events until one has all of these parts; returns how long that took.
fn heard(events: &mut impl BufRead, parts: &[&str]) -> Duration {
    let start = Instant::now();
    let mut event = String::new();
    loop {
        let mut line = String::new();
        assert!(events.read_line(&mut line).expect("events go on") > 0, "the stream ended before {parts:?}");
        event.push_str(&line);
        if line.trim().is_empty() {
            if parts.iter().all(|part| event.contains(part)) {
                return start.elapsed();
            }
            event.clear();
        }
    }
}

#[test]
fn the_page_needs_no_other_server() {
    let server = Till::new().serve();
    let (head, page) = get(&server, "/");
    assert!(head.starts_with("http/1.1 200") && head.contains("content-type: text/html"), "{head}");
    assert!(head.contains("content-security-policy: default-src 'none'"), "{head}");
    let mut files: Vec<&str> = page.split(['"', '\'']).filter(|part| part.starts_with('/') || part.contains("://")).collect();
    files.sort_unstable();
    files.dedup();
    assert_eq!(files, ["/api/category-sales", "/category-sales.js", "/health", "/icon.svg", "/page.css", "/prometheus"]);
    for file in files.into_iter().chain(["/chart.js", "/live.js"]) {
        let (head, body) = get(&server, file);
        assert!(head.starts_with("http/1.1 200"), "{file}: {head}");
        assert!(!body.contains("://") || file == "/icon.svg" || file == "/chart.js", "{file} names another server");
    }
    assert!(get(&server, "/nothing").0.starts_with("http/1.1 404"));
}

#[test]
fn changes_are_pushed_within_two_seconds_to_every_page() {
    let till = Till::new();
    let server = till.serve();
    let mut pages: Vec<_> = (0..3).map(|_| BufReader::new(request(&server, "/events"))).collect();
    for page in &mut pages {
        heard(page, &["event: snapshot", r#""sequence":1"#, r#""total_sales":"1.00""#]);
    }
    till.set(Ok(250));
    for page in &mut pages {
        let waited = heard(page, &["event: snapshot", r#""sequence":2"#, r#""total_sales":"2.50""#]);
        assert!(waited < Duration::from_secs(2), "{waited:?}");
    }
    assert!(get(&server, "/api/category-sales").1.contains(r#""total_sales":"2.50""#));
    let waited = heard(&mut pages[0], &["event: beat", r#""sequence":2"#]);
    assert!(waited < Duration::from_secs(2), "a page that hears nothing thinks that the server is gone: {waited:?}");
}

#[test]
fn a_store_that_goes_away_is_said_and_its_last_numbers_stay() {
    let till = Till::new();
    let server = till.serve();
    let mut page = BufReader::new(request(&server, "/events"));
    heard(&mut page, &["event: snapshot"]);
    assert!(get(&server, "/health").0.starts_with("http/1.1 200"));
    till.set(Err("no disk"));
    for _ in 0..2 {
        heard(&mut page, &["event: problem", "the store cannot be read: no disk"]);
    }
    let (head, body) = get(&server, "/health");
    assert!(head.starts_with("http/1.1 503") && body.contains("no disk"), "{head} {body}");
    assert!(get(&server, "/api/category-sales").1.contains(r#""total_sales":"1.00""#));

    let mut late = BufReader::new(request(&server, "/events"));
    heard(&mut late, &["event: snapshot", r#""total_sales":"1.00""#]);
    heard(&mut late, &["event: problem"]);
    till.set(Ok(100));
    heard(&mut page, &["event: beat", r#""sequence":1"#]);
    assert!(get(&server, "/health").0.starts_with("http/1.1 200"));
}

#[test]
fn pages_have_a_limit_and_places_come_back() {
    let server = Till::new().serve();
    let mut pages: Vec<_> = (0..256).map(|_| BufReader::new(request(&server, "/events"))).collect();
    for page in &mut pages {
        heard(page, &["event: snapshot"]);
    }
    assert!(get(&server, "/events").0.starts_with("http/1.1 503"));
    assert!(get(&server, "/health").0.starts_with("http/1.1 200"));
    pages.clear();
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut status = String::new();
    while !status.contains("200") {
        assert!(Instant::now() < deadline, "closed pages hold their places");
        status.clear();
        BufReader::new(request(&server, "/events")).read_line(&mut status).expect("it answers");
    }
}

#[test]
fn metrics_are_there_where_they_are_handed_in() {
    let site = Site { pages: vec![Page::CategorySales(Box::new(Till::new()))], metrics: None };
    let server = Server::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), site).unwrap();
    assert!(get(&server, "/prometheus").0.starts_with("http/1.1 404"));
    let (head, _) = get(&Till::new().serve(), "/prometheus");
    assert!(head.starts_with("http/1.1 200") && head.contains("text/plain; version=0.0.4"), "{head}");
}

#[test]
fn stopping_ends_open_pages_and_frees_the_port() {
    let server = Till::new().serve();
    let address = server.address();
    let mut page = BufReader::new(request(&server, "/events"));
    heard(&mut page, &["event: snapshot"]);
    let start = Instant::now();
    server.stop();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let mut rest = String::new();
    page.read_to_string(&mut rest).expect("the stream ends in order");
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let server = Till::new().serve();
    let site = Site { pages: vec![Page::CategorySales(Box::new(Till::new()))], metrics: None };
    let error = Server::start(server.address(), site).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen on {}", server.address())), "{error}");
}
