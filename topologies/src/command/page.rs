//! The page and the metrics, served beside an application.

use super::CommandError;
use headwater_serving::{SalesSource, Server, Site};
use metrics_exporter_prometheus::PrometheusBuilder;
use std::net::{SocketAddr, ToSocketAddrs};

/// An address as a person writes it; a name is looked up, and 127.0.0.1 goes before ::1.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let found = text
        .to_socket_addrs()
        .map_err(|error| format!("{error}; write 127.0.0.1:8080, or 0.0.0.0:8080 for all of this machine's addresses"))?;
    found.min_by_key(SocketAddr::is_ipv6).ok_or_else(|| "a name without an address".into())
}

/// A page that is served as long as this lives.
#[derive(Debug)]
pub(super) struct Page(Server);

impl Page {
    /// Serves these results and this process' metrics.
    pub(super) fn open(address: SocketAddr, sales: Box<dyn SalesSource>) -> Result<Self, CommandError> {
        let metrics = PrometheusBuilder::new().install_recorder().map_err(|error| CommandError::Broken(error.to_string()))?;
        Ok(Page(Server::start(address, Site { sales, metrics: Some(metrics) })?))
    }

    /// Where a browser finds it.
    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.0.address())
    }
}
