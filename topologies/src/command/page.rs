//! The page and the metrics, served beside an application.

use super::CommandError;
use headwater_serving::{Server, Site, SqliteSales};
use metrics_exporter_prometheus::PrometheusBuilder;
use std::net::SocketAddr;
use std::path::Path;

/// A page that is served as long as this lives.
#[derive(Debug)]
pub(super) struct Page(Server);

impl Page {
    /// Serves the results that lie in this SQLite file, and this process' metrics.
    pub(super) fn open(address: SocketAddr, sqlite: &Path) -> Result<Self, CommandError> {
        let metrics = PrometheusBuilder::new().install_recorder().map_err(|error| CommandError::Broken(error.to_string()))?;
        Ok(Page(Server::start(address, Site { sales: Box::new(SqliteSales::new(sqlite)), metrics: Some(metrics) })?))
    }

    /// Where a browser finds it.
    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.0.address())
    }
}
