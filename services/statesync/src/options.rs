//! What can be chosen: by flag, by environment, by file, in this order.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Parser;
use lifecycle::{ConfigurationError, LogFormat, configuration};
use serde::Deserialize;

use crate::auth::{ServiceSecret, WeakSecret};

/// The document service: gRPC over shared documents.
#[derive(Clone, Debug, Default, Deserialize, Parser)]
#[command(name = "statesync-service", version)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Options {
    /// File with any of these options, in TOML.
    #[arg(long, env = "AETHERFLOW_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1:9002]
    #[arg(long, env = "AETHERFLOW_STATESYNC_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where documents are kept: memory, `embedded:<dir>` or `postgres://..` [default: memory]
    #[arg(
        long,
        env = "AETHERFLOW_DOCUMENT_STORE",
        value_name = "STORE",
        hide_env_values = true
    )]
    document_store: Option<StoreChoice>,
    /// Go on with what is left after the embedded store has reported acknowledged edits lost
    #[arg(long, env = "AETHERFLOW_ACCEPT_DATA_LOSS", num_args = 0..=1, default_missing_value = "true")]
    accept_data_loss: Option<bool>,
    /// How processes hear of each other: local or `redis://..` [default: local]
    #[arg(
        long,
        env = "AETHERFLOW_BUS",
        value_name = "BUS",
        hide_env_values = true
    )]
    bus: Option<BusChoice>,
    /// What gateways prove themselves with, at least 32 characters; needed unless on loopback
    #[arg(
        long,
        env = "AETHERFLOW_SERVICE_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    service_secret: Option<String>,
    /// File with the service secret
    #[arg(long, env = "AETHERFLOW_SERVICE_SECRET_FILE", value_name = "FILE")]
    service_secret_file: Option<PathBuf>,
    /// Longest time that a call may take, in seconds [default: 30]
    #[arg(long, env = "AETHERFLOW_CALL_SECONDS", value_name = "SECONDS")]
    call_seconds: Option<u64>,
    /// Address of the figures for Prometheus, at `/metrics` [default: none]
    #[arg(long, env = "AETHERFLOW_METRICS", value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// How the log is written [default: text]
    #[arg(long, env = "AETHERFLOW_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

/// Everything decided.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where documents are kept.
    pub document_store: StoreChoice,
    /// Whether to go on after an embedded store has reported acknowledged edits lost.
    pub accept_data_loss: bool,
    /// How processes hear of each other.
    pub bus: BusChoice,
    /// What gateways prove themselves with.
    pub service_secret: Option<ServiceSecret>,
    /// Longest time that a call may take, in seconds.
    pub call_seconds: Option<u64>,
    /// Where the figures for Prometheus are, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// How the log is written.
    pub log_format: LogFormat,
}

/// A place for documents that can be chosen.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum StoreChoice {
    /// In memory: gone when the process ends.
    Memory,
    /// In this directory.
    Embedded(PathBuf),
    /// In the database of this URL.
    Postgres(String),
}

/// A way for processes to hear of each other.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum BusChoice {
    /// None: this process is alone, or asks the store.
    Local,
    /// The server of this URL.
    Redis(String),
}

impl FromStr for StoreChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            Some(("embedded", folder)) if !folder.is_empty() => Ok(Self::Embedded(folder.into())),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(text.to_owned())),
            _ => Err("expected memory, embedded:<dir> or postgres://..".to_owned()),
        }
    }
}

impl FromStr for BusChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "local" => Ok(Self::Local),
            Some(("redis" | "rediss", _)) => Ok(Self::Redis(text.to_owned())),
            _ => Err("expected local or redis://..".to_owned()),
        }
    }
}

impl TryFrom<String> for StoreChoice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for BusChoice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

// URLs have passwords in them.
impl fmt::Debug for StoreChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => formatter.write_str("memory"),
            Self::Embedded(folder) => write!(formatter, "embedded:{}", folder.display()),
            Self::Postgres(_) => formatter.write_str("postgres://.."),
        }
    }
}

impl fmt::Debug for BusChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => formatter.write_str("local"),
            Self::Redis(_) => formatter.write_str("redis://.."),
        }
    }
}

/// The operator's options cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The file with the options cannot be used.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Anybody could claim to be anybody.
    #[error("{0} can be reached by others: give a service secret (--service-secret-file)")]
    Open(SocketAddr),
}

impl Options {
    /// Joins flags and environment with the file, and fills in the rest.
    ///
    /// # Errors
    ///
    /// See [`OptionsError`].
    pub fn settle(self) -> Result<Settings, OptionsError> {
        let file = configuration(self.config.as_deref())?;
        self.over(file).with_defaults()
    }

    /// These options, and the file's where there are none.
    fn over(self, file: Self) -> Self {
        Self {
            config: self.config,
            listen: self.listen.or(file.listen),
            document_store: self.document_store.or(file.document_store),
            accept_data_loss: self.accept_data_loss.or(file.accept_data_loss),
            bus: self.bus.or(file.bus),
            service_secret: self.service_secret.or(file.service_secret),
            service_secret_file: self.service_secret_file.or(file.service_secret_file),
            call_seconds: self.call_seconds.or(file.call_seconds),
            metrics: self.metrics.or(file.metrics),
            log_format: self.log_format.or(file.log_format),
        }
    }

    fn with_defaults(self) -> Result<Settings, OptionsError> {
        const PORT: u16 = 9002;
        let secret = service_secret(self.service_secret, self.service_secret_file.as_deref())?;
        let listen = self
            .listen
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], PORT)));
        if secret.is_none() && !listen.ip().is_loopback() {
            return Err(OptionsError::Open(listen));
        }
        Ok(Settings {
            listen,
            document_store: self.document_store.unwrap_or(StoreChoice::Memory),
            accept_data_loss: self.accept_data_loss.unwrap_or(false),
            bus: self.bus.unwrap_or(BusChoice::Local),
            service_secret: secret,
            call_seconds: self.call_seconds,
            metrics: self.metrics,
            log_format: self.log_format.unwrap_or_default(),
        })
    }
}

/// The service secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Its file cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It cannot be used.
    #[error(transparent)]
    Weak(#[from] WeakSecret),
}

/// The service secret as it was given, or else of this file; `None` without either.
///
/// # Errors
///
/// See [`SecretError`].
pub fn service_secret(
    given: Option<String>,
    file: Option<&Path>,
) -> Result<Option<ServiceSecret>, SecretError> {
    let secret = match (given, file) {
        (Some(secret), _) => ServiceSecret::new(&secret)?,
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|source| SecretError::Unreadable {
                path: path.to_owned(),
                source,
            })?;
            ServiceSecret::new(text.trim())?
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(flags: &[&str], file: &str) -> Result<Settings, OptionsError> {
        let flags = [&["statesync-service"], flags].concat();
        let options = Options::try_parse_from(flags).unwrap();
        options.over(toml::from_str(file).unwrap()).with_defaults()
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file = "listen = '127.0.0.1:1'\ndocument-store = 'embedded:here'";
        let settings = settled(&["--listen", "127.0.0.1:2"], file).unwrap();
        assert_eq!(settings.listen.port(), 2);
        assert_eq!(
            settings.document_store,
            StoreChoice::Embedded("here".into())
        );
        assert_eq!(settings.bus, BusChoice::Local);
        assert_eq!(settled(&[], "").unwrap().listen.port(), 9002);
    }

    #[test]
    fn whoever_listens_to_others_needs_a_good_secret() {
        let open = ["--listen", "0.0.0.0:9002"];
        assert!(matches!(settled(&open, ""), Err(OptionsError::Open(_))));
        let weak = settled(&open, "service-secret = 'short'");
        assert!(matches!(weak, Err(OptionsError::Secret(_))));
        let good = format!("service-secret = '{}'", "x".repeat(32));
        assert!(settled(&open, &good).unwrap().service_secret.is_some());
    }

    #[test]
    fn what_nobody_knows_is_refused_and_passwords_are_not_printed() {
        assert!("mysql://x".parse::<StoreChoice>().is_err());
        assert!("embedded:".parse::<StoreChoice>().is_err());
        assert!("kafka".parse::<BusChoice>().is_err());
        let url: StoreChoice = "postgres://user:password@host/db".parse().unwrap();
        assert!(!format!("{url:?}").contains("password"));
    }
}
