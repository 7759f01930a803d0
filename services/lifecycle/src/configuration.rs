//! The file with the options.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// The file that the operator named cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// It cannot be read.
    #[error("the configuration {} cannot be read", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It has a mistake.
    #[error("the configuration {} is not valid: {reason}", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads options from a file in TOML; without a file, all of them are as if not given.
///
/// # Errors
///
/// See [`ConfigurationError`].
pub fn configuration<T: Default + DeserializeOwned>(
    path: Option<&Path>,
) -> Result<T, ConfigurationError> {
    let Some(path) = path else {
        return Ok(T::default());
    };
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|source| ConfigurationError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    toml::from_str(&text).map_err(|error| ConfigurationError::Invalid {
        path: path.to_owned(),
        // The library's own message draws the line over several lines.
        reason: error.message().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::in_one_line;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Options {
        listen: Option<String>,
    }

    fn read(text: &str) -> Result<Options, ConfigurationError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("options.toml");
        std::fs::write(&path, text).unwrap();
        configuration(Some(&path))
    }

    #[test]
    fn without_a_file_nothing_is_given() {
        assert_eq!(configuration::<Options>(None).unwrap(), Options::default());
    }

    #[test]
    fn a_file_gives_what_is_in_it_and_its_mistakes_are_one_line() {
        let listen = Some("here".to_owned());
        assert_eq!(read("listen = 'here'").unwrap(), Options { listen });
        let mistake = read("lisen = 'here'").unwrap_err();
        assert!(in_one_line(&mistake).contains("options.toml is not valid: unknown field `lisen`"));
        assert!(!in_one_line(&mistake).contains('\n'));
        let missing = configuration::<Options>(Some(Path::new("no-such-file")));
        let missing = missing.unwrap_err();
        assert!(in_one_line(&missing).starts_with("the configuration no-such-file cannot be read"));
    }
}
