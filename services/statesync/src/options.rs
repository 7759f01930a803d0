//! What can be chosen: by flag, by environment, by file, in this order.

mod documents;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use lifecycle::{ConfigurationError, LogFormat, configuration};
use serde::Deserialize;

use crate::auth::ServiceSecret;

pub use documents::{
    BusChoice, DocumentOptions, DocumentPlace, PlaceOptions, SecretError, StoreChoice,
};

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
    #[command(flatten)]
    #[serde(flatten)]
    place: PlaceOptions,
    #[command(flatten)]
    #[serde(flatten)]
    documents: DocumentOptions,
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

/// The operator's options cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The file with the options cannot be used.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// This program has none.
    #[error("there is no data directory to keep documents in: say embedded:<dir>")]
    NoDataDirectory,
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
            place: self.place.over(file.place),
            documents: self.documents.over(file.documents),
            call_seconds: self.call_seconds.or(file.call_seconds),
            metrics: self.metrics.or(file.metrics),
            log_format: self.log_format.or(file.log_format),
        }
    }

    fn with_defaults(self) -> Result<Settings, OptionsError> {
        const PORT: u16 = 9002;
        let secret = self.documents.secret()?;
        let store = match self.place.document_store {
            None => StoreChoice::Memory,
            Some(DocumentPlace::Elsewhere(store)) => store,
            Some(DocumentPlace::DataDirectory) => return Err(OptionsError::NoDataDirectory),
        };
        let listen = self
            .listen
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], PORT)));
        if secret.is_none() && !listen.ip().is_loopback() {
            return Err(OptionsError::Open(listen));
        }
        Ok(Settings {
            listen,
            document_store: store,
            accept_data_loss: self.documents.accept_data_loss.unwrap_or(false),
            bus: self.documents.bus.unwrap_or(BusChoice::Local),
            service_secret: secret,
            call_seconds: self.call_seconds,
            metrics: self.metrics,
            log_format: self.log_format.unwrap_or_default(),
        })
    }
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
        assert!("embedded".parse::<StoreChoice>().is_err());
        let nowhere = settled(&["--document-store", "embedded"], "");
        assert!(matches!(nowhere, Err(OptionsError::NoDataDirectory)));
        assert!(toml::from_str::<Options>("document-stor = 'memory'").is_err());
        assert!(toml::from_str::<Options>("bus = 'kafka'").is_err());
        assert!("kafka".parse::<BusChoice>().is_err());
        let url: StoreChoice = "postgres://user:password@host/db".parse().unwrap();
        assert!(!format!("{url:?}").contains("password"));
    }
}
