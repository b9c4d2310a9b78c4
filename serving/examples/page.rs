//! Serves the category sales of a SQLite file: `cargo run --release --example page FILE [ADDRESS]`.

use headwater_serving::{DEFAULT_ADDRESS, Server, Site, SqliteSales};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("which file?")?;
    let address = arguments.next().map_or(Ok(DEFAULT_ADDRESS), |text| text.parse())?;
    let server = Server::start(address, Site { sales: Box::new(SqliteSales::new(file)), metrics: None })?;
    println!("http://{}/", server.address());
    // Serves until it is killed.
    loop {
        std::thread::park();
    }
}
