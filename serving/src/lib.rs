//! What is read: the live page and the metrics endpoint.
