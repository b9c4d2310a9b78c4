//! What survives: byte stores on RocksDB or in memory, with changelog positions beside the data.
