//! Takes a connection URL apart. No error repeats the URL: a password may stand in it.

use headwater_streams::log::Secret;

const SHAPE: &str = "postgresql://user@host:port/database";

/// The parts of a URL, escapes resolved.
#[derive(Debug)]
pub(crate) struct Url {
    pub(crate) user: String,
    pub(crate) password: Option<Secret>,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    pub(crate) database: String,
    pub(crate) parameters: Vec<(String, String)>,
}

impl Url {
    pub(crate) fn parse(url: &str) -> Result<Url, String> {
        let rest = ["postgresql://", "postgres://"].iter().find_map(|scheme| url.strip_prefix(scheme));
        let rest = rest.ok_or_else(|| format!("the URL does not begin with postgresql://: write {SHAPE}"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        // An address has no @, a password that was not escaped may.
        let (credentials, address) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = match credentials.split_once(':') {
            Some((user, password)) => (user, Some(Secret::new(unescape("password", password)?))),
            None => (credentials, None),
        };
        let (host, port) = host_and_port(address)?;
        Ok(Url {
            user: named("user", user)?,
            password,
            host: named("host", host)?,
            port,
            database: named("database", database)?,
            parameters: parameters(query)?,
        })
    }
}

fn host_and_port(address: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("the URL's host has a [ without a ]")?;
            (host, port.strip_prefix(':'))
        }
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(|port| port.parse().map_err(|_| format!("the URL's port is no number up to 65535: write {SHAPE}")));
    Ok((host, port.transpose()?))
}

fn parameters(query: &str) -> Result<Vec<(String, String)>, String> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').ok_or("a parameter of the URL has no value: write name=value")?;
        Ok((unescape("parameter", name)?, unescape("parameter", value)?))
    };
    pairs.map(pair).collect()
}

fn named(part: &str, text: &str) -> Result<String, String> {
    match unescape(part, text)? {
        empty if empty.is_empty() => Err(format!("the URL names no {part}: write {SHAPE}")),
        name => Ok(name),
    }
}

fn unescape(part: &str, text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = || {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u8::from_str_radix(digits, 16).ok())?
        };
        if *first == b'%' {
            bytes.push(escaped().ok_or_else(|| format!("the URL's {part} has a % without two hexadecimal digits: % itself is %25"))?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(format!("the URL's {part} is no text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_found_and_unescaped() {
        let url = Url::parse("postgres://a%3Ab:p%25@ss@[::1]:6543/my%20db?x=1&y=%3D").unwrap();
        assert_eq!((url.user.as_str(), url.host.as_str(), url.port, url.database.as_str()), ("a:b", "::1", Some(6543), "my db"));
        assert_eq!(url.password.unwrap().expose(), "p%@ss");
        assert_eq!(url.parameters, [("x".to_string(), "1".to_string()), ("y".to_string(), "=".to_string())]);
        let url = Url::parse("postgresql://u@db/d").unwrap();
        assert_eq!((url.password.is_none(), url.port, url.parameters.len()), (true, None, 0));
    }

    #[test]
    fn what_is_missing_is_named() {
        let cases = [
            ("mysql://u@h/d", "does not begin with postgresql://"),
            ("postgresql://h/d", "names no user"),
            ("postgresql://u@/d", "names no host"),
            ("postgresql://u@h", "names no database"),
            ("postgresql://u@h:99999/d", "port is no number"),
            ("postgresql://u@[::1/d", "[ without a ]"),
            ("postgresql://u@h/d?x", "has no value"),
            ("postgresql://u%zz@h/d", "user has a %"),
            ("postgresql://u%ff@h/d", "user is no text"),
        ];
        for (url, said) in cases {
            let error = Url::parse(url).unwrap_err();
            assert!(error.contains(said), "{url}: {error}");
        }
    }
}
