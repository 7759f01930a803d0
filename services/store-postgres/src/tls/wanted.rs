//! What a connection URL says about TLS.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

/// A URL taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// What the driver understands.
    pub(crate) url: String,
    /// Whether the connection has to be encrypted.
    pub(crate) tls: bool,
    /// The file with the authorities to trust.
    pub(crate) roots: Option<PathBuf>,
}

impl Wanted {
    /// What this URL wants.
    pub(crate) fn of(url: &str) -> Self {
        let mut wanted = Self {
            url: url.to_owned(),
            tls: false,
            roots: None,
        };
        // A password before may have a question mark in it.
        let host = url.find('@').map_or(0, |at| at + 1);
        let Some(question) = url[host..].find('?') else {
            return wanted;
        };
        let (place, parameters) = url.split_at(host + question);
        let mut kept = Vec::new();
        for parameter in parameters[1..].split('&') {
            match parameter.split_once('=') {
                Some(("sslmode", "require" | "verify-full")) => {
                    wanted.tls = true;
                    kept.push("sslmode=require");
                }
                Some(("sslrootcert", path)) => {
                    let path = percent_decode_str(path).decode_utf8_lossy();
                    wanted.roots = Some(path.into_owned().into());
                }
                _ => kept.push(parameter),
            }
        }
        wanted.url = match kept[..] {
            [] => place.to_owned(),
            _ => format!("{place}?{}", kept.join("&")),
        };
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_tls_is_taken_out_and_the_rest_stays() {
        for (url, left, tls, roots) in [
            ("postgres://host/db", "postgres://host/db", false, None),
            (
                "postgres://u:p?@host/db?sslmode=verify-full&connect_timeout=3",
                "postgres://u:p?@host/db?sslmode=require&connect_timeout=3",
                true,
                None,
            ),
            (
                "postgres://host/db?sslrootcert=a%2Fb.pem&sslmode=require",
                "postgres://host/db?sslmode=require",
                true,
                Some("a/b.pem"),
            ),
            (
                "postgres://host/db?sslrootcert=b.pem",
                "postgres://host/db",
                false,
                Some("b.pem"),
            ),
            (
                "postgres://host/db?sslmode=prefer",
                "postgres://host/db?sslmode=prefer",
                false,
                None,
            ),
        ] {
            let expected = Wanted {
                url: left.to_owned(),
                tls,
                roots: roots.map(PathBuf::from),
            };
            assert_eq!(Wanted::of(url), expected);
        }
    }
}
