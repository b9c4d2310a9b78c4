//! Serves all pages of a SQLite file: `cargo run --release --example page FILE [ADDRESS]`.

use headwater_serving::{ANALYTICS_PAGE, DEFAULT_ADDRESS, DIMENSIONS_PAGE, FRAUD_PAGE, Page, Server, Site, SqliteSales, SqliteTables};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("which file?")?;
    let address = arguments.next().map_or(Ok(DEFAULT_ADDRESS), |text| text.parse())?;
    let mut pages = vec![Page::CategorySales(Box::new(SqliteSales::new(&file)))];
    for page in [ANALYTICS_PAGE, FRAUD_PAGE, DIMENSIONS_PAGE] {
        pages.push(Page::Tables(page, Box::new(SqliteTables::new(&file, page))));
    }
    let server = Server::start(address, Site { pages, metrics: None })?;
    println!("http://{}/", server.address());
    // Serves until it is killed.
    loop {
        std::thread::park();
    }
}
