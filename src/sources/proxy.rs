//! Which proxy leads to an address: what the environment says, read as kubectl and curl read it.
//!
//! kube-client holds `NO_PROXY` against the proxy's own address instead of the target's and refuses to build a client over an empty entry
//! (`config/file_loader.rs` and `no_proxy.rs` of 5.0.0), so it is decided here. Pure: the environment comes as a function.

use std::net::IpAddr;

/// The proxy that the environment wants for `target`, where it wants one. An explicit `proxy-url` of a kubeconfig is the caller's business: it
/// knows no exceptions.
///
/// The rules are those of Go's `golang.org/x/net/http/httpproxy`, which kubectl follows: upper case before lower case, `HTTPS_PROXY` for https
/// and `HTTP_PROXY` for http, never for this machine.
#[must_use]
pub(super) fn for_target(target: &http::Uri, environment: impl Fn(&str) -> Option<String>) -> Option<String> {
    let read = |upper: &str, lower: &str| [upper, lower].into_iter().filter_map(&environment).find(|value| !value.is_empty());
    let secure = target.scheme_str() == Some("https");
    let proxy = if secure { read("HTTPS_PROXY", "https_proxy") } else { read("HTTP_PROXY", "http_proxy") }?;
    let host = target.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let port = target.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let address: Option<IpAddr> = host.parse().ok();
    if is_this_machine(target) {
        return None;
    }
    let exceptions = read("NO_PROXY", "no_proxy").unwrap_or_default();
    if exceptions.split(',').any(|entry| excepts(entry, &host, address, port)) {
        return None;
    }
    // Like Go: an address without a scheme is an http proxy.
    Some(if proxy.contains("://") { proxy } else { format!("http://{proxy}") })
}

/// Whether an address is this machine's own: no proxy leads there.
#[must_use]
pub(super) fn is_this_machine(target: &http::Uri) -> bool {
    let host = target.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Whether one entry of `NO_PROXY` speaks of this target.
fn excepts(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    let entry = entry.trim().to_ascii_lowercase();
    if entry.is_empty() {
        return false;
    }
    if entry == "*" {
        return true;
    }
    if let Some((network, length)) = entry.split_once('/') {
        return match (network.parse(), length.parse(), address) {
            (Ok(network), Ok(length), Some(address)) => in_network(address, network, length),
            _ => false,
        };
    }
    let (name, wanted) = match entry.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') || name.ends_with(']') => match digits.parse::<u16>() {
            Ok(wanted) => (name.to_owned(), Some(wanted)),
            Err(_) => (entry.clone(), None),
        },
        _ => (entry.clone(), None),
    };
    if wanted.is_some_and(|wanted| wanted != port) {
        return false;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if let Ok(excepted) = name.parse::<IpAddr>() {
        return address == Some(excepted);
    }
    // `.example.com` and `*.example.com` mean what lies below, `example.com` means itself as well.
    match name.strip_prefix("*.").or_else(|| name.strip_prefix('.')) {
        Some(below) => is_below(host, below),
        None => host == name || is_below(host, name),
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

fn in_network(address: IpAddr, network: IpAddr, length: u32) -> bool {
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (u128::from(address.to_bits()), u128::from(network.to_bits()), 32),
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    length <= width && (address ^ network).checked_shr(width - length).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(target: &str, exceptions: &str) -> Option<String> {
        for_target(&target.parse().unwrap(), |name| match name {
            "HTTPS_PROXY" => Some("http://proxy:3128".into()),
            "no_proxy" => Some(exceptions.into()),
            _ => None,
        })
    }

    #[test]
    fn exceptions_are_held_against_the_target() {
        for (target, exceptions, proxied) in [
            ("https://api.example.com:6443", "", true),
            ("https://api.example.com:6443", "example.com", false),
            ("https://example.com", "example.com", false),
            ("https://notexample.com", "example.com", true),
            ("https://example.com", ".example.com", true),
            ("https://api.example.com", "*.example.com", false),
            ("https://api.example.com:6443", "api.example.com:443", true),
            ("https://api.example.com", "api.example.com:443", false),
            ("https://api.example.com", "other,,API.Example.com,", false),
            ("https://10.1.2.3:6443", "10.0.0.0/8", false),
            ("https://11.1.2.3:6443", "10.0.0.0/8", true),
            ("https://11.1.2.3:6443", "0.0.0.0/0", false),
            ("https://10.1.2.3:6443", "10.1.2.3", false),
            ("https://[fd00::1]:6443", "fd00::/8", false),
            ("https://[fd00::1]:6443", "[fd00::1]:6443", false),
            ("https://api.example.com", "*", false),
            ("https://127.0.0.1:6443", "", false),
            ("https://localhost:6443", "", false),
            ("http://api.example.com", "", false),
        ] {
            assert_eq!(chosen(target, exceptions).is_some(), proxied, "{target} without {exceptions:?}");
        }
    }

    #[test]
    fn a_proxy_without_a_scheme_speaks_http() {
        let chosen = for_target(&"https://a.b".parse().unwrap(), |name| (name == "https_proxy").then(|| "proxy:3128".to_owned()));
        assert_eq!(chosen.as_deref(), Some("http://proxy:3128"));
    }
}
