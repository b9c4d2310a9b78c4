//! The page and the metrics, served beside an application.

use super::CommandError;
use headwater_serving::{Page as Shown, Server, Site};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};

/// An address as a person writes it; a name is looked up, and 127.0.0.1 goes before ::1.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let found = text
        .to_socket_addrs()
        .map_err(|error| format!("{error}; write 127.0.0.1:8080, or 0.0.0.0:8080 for all of this machine's addresses"))?;
    found.min_by_key(SocketAddr::is_ipv6).ok_or_else(|| "a name without an address".into())
}

/// An address for others, as a person writes it. It is theirs to look up, so it is checked for its form only.
pub(super) fn advertised_address(text: &str) -> Result<String, String> {
    let form = "not host:port as others reach it, such as 10.0.0.7:8080 or [fd00::7]:8080";
    let (host, port) = text.rsplit_once(':').ok_or_else(|| form.to_owned())?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match bare {
        Some(bare) => bare.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)),
    };
    if !is_host || !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err(form.into());
    }
    if bare.unwrap_or(host).parse::<IpAddr>().is_ok_and(|address| address.is_unspecified()) {
        return Err(format!("{host} is for listening, nobody reaches it: {form}"));
    }
    Ok(text.to_owned())
}

/// A page that is served as long as this lives.
#[derive(Debug)]
pub(super) struct Page(Server);

impl Page {
    /// Serves these pages and this process' metrics.
    pub(super) fn open(address: SocketAddr, pages: Vec<Shown>) -> Result<Self, CommandError> {
        let metrics = recorder().map_err(|error| CommandError::Broken(error.to_string()))?;
        Ok(Page(Server::start(address, Site { pages, metrics: Some(metrics) })?))
    }

    /// Where a browser finds it.
    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.0.address())
    }
}

/// Histograms of times: with the same steps for all, so that the instances of an application can be added up.
const SECONDS: [f64; 14] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

fn recorder() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?.install_recorder()
}
