//! The files of the pages, which are part of the binary.

use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};

/// Status 200 with these headers and this text.
pub(crate) type Asset<T = &'static str> = ([(HeaderName, &'static str); 5], T);

/// Nothing is loaded from anywhere else, and nothing inline is run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What all pages have around what they show.
const FRAME: &str = include_str!("page/frame.html");

/// A page: its path, its name for people, and what it shows.
pub(crate) fn html(name: &str, title: &str, main: &str) -> Asset<String> {
    asset("text/html; charset=utf-8", FRAME.replace("{name}", name).replace("{title}", title).replace("{main}", main))
}

/// What pages ask for.
pub(crate) fn file(name: &str) -> Option<Asset> {
    let script = |text| Some(asset("text/javascript; charset=utf-8", text));
    match name {
        "page.css" => Some(asset("text/css; charset=utf-8", include_str!("page/page.css"))),
        "icon.svg" => Some(asset("image/svg+xml", include_str!("page/icon.svg"))),
        "live.js" => script(include_str!("page/live.js")),
        "chart.js" => script(include_str!("page/chart.js")),
        "category-sales.js" => script(include_str!("page/category-sales.js")),
        "analytics.js" => script(include_str!("page/analytics.js")),
        "fraud.js" => script(include_str!("page/fraud.js")),
        "dimensions.js" => script(include_str!("page/dimensions.js")),
        _ => None,
    }
}

fn asset<T>(content_type: &'static str, text: T) -> Asset<T> {
    let headers = [
        (CONTENT_TYPE, content_type),
        // A new binary may bring a new page.
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, text)
}
