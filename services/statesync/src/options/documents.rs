//! The options of every program that keeps documents, or looks at them: the same flags, variables and keys of the
//! file in all of them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use serde::Deserialize;

use crate::auth::{ServiceSecret, WeakSecret};

/// Where documents are; what is `None` was not given.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlaceOptions {
    /// Where documents are kept: memory, `embedded:<dir>`, `postgres://..`, or embedded (in the data directory, where
    /// there is one) [default: embedded where there is a data directory, or else memory]
    #[arg(
        long,
        env = "AETHERFLOW_DOCUMENT_STORE",
        value_name = "STORE",
        hide_env_values = true
    )]
    pub document_store: Option<DocumentPlace>,
}

/// Who else has to do with documents; what is `None` was not given. Beside [`PlaceOptions`], not around it: serde
/// takes keys that nobody knows for mistakes only if what is flattened has nothing flattened in it.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DocumentOptions {
    /// Go on with what is left after an embedded store has reported acknowledged edits lost
    #[arg(long, env = "AETHERFLOW_ACCEPT_DATA_LOSS", num_args = 0..=1, default_missing_value = "true")]
    pub accept_data_loss: Option<bool>,
    /// How processes on one database hear of each other: local or `redis://..` [default: local]
    #[arg(
        long,
        env = "AETHERFLOW_BUS",
        value_name = "BUS",
        hide_env_values = true
    )]
    pub bus: Option<BusChoice>,
    /// What gateways and other programs prove themselves with that call in the name of users, at least 32 characters
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
}

impl PlaceOptions {
    /// These options, and the file's where there are none.
    #[must_use]
    pub fn over(self, file: Self) -> Self {
        Self {
            document_store: self.document_store.or(file.document_store),
        }
    }
}

impl DocumentOptions {
    /// These options, and the file's where there are none.
    #[must_use]
    pub fn over(self, file: Self) -> Self {
        Self {
            accept_data_loss: self.accept_data_loss.or(file.accept_data_loss),
            bus: self.bus.or(file.bus),
            service_secret: self.service_secret.or(file.service_secret),
            service_secret_file: self.service_secret_file.or(file.service_secret_file),
        }
    }

    /// The service secret as it was given, or else of the file; `None` without either.
    ///
    /// # Errors
    ///
    /// See [`SecretError`].
    pub fn secret(&self) -> Result<Option<ServiceSecret>, SecretError> {
        let secret = match (&self.service_secret, &self.service_secret_file) {
            (Some(secret), _) => ServiceSecret::new(secret)?,
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path);
                let text = text.map_err(|source| SecretError::Unreadable {
                    path: path.clone(),
                    source,
                })?;
                ServiceSecret::new(text.trim())?
            }
            (None, None) => return Ok(None),
        };
        Ok(Some(secret))
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

/// A place for documents that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum DocumentPlace {
    /// In the data directory of the program, if it has one.
    DataDirectory,
    /// Here.
    Elsewhere(StoreChoice),
}

impl DocumentPlace {
    /// Whether other processes may write there at the same time.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Elsewhere(StoreChoice::Postgres(_)))
    }
}

impl FromStr for DocumentPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(elsewhere) => Ok(Self::Elsewhere(elsewhere)),
            Err(_) if text == "embedded" => Ok(Self::DataDirectory),
            Err(_) => Err("expected memory, embedded, embedded:<dir> or postgres://..".to_owned()),
        }
    }
}

impl TryFrom<String> for DocumentPlace {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
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
