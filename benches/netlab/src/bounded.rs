//! Numbers of options that are checked where they are read.

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// A number from `LEAST` to `MOST`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
pub(crate) struct Within<T, const LEAST: u32, const MOST: u32>(T);

/// What a [`Within`] is made of.
pub(crate) trait Number: Copy + PartialOrd + From<u32> + FromStr + Display {}

impl<T: Copy + PartialOrd + From<u32> + FromStr + Display> Number for T {}

impl<T: Number, const LEAST: u32, const MOST: u32> Within<T, LEAST, MOST> {
    fn new(number: T) -> Result<Self, String> {
        if (T::from(LEAST)..=T::from(MOST)).contains(&number) {
            return Ok(Self(number));
        }
        Err(format!("{number} is not from {LEAST} to {MOST}"))
    }

    /// The number.
    pub(crate) fn get(self) -> T {
        self.0
    }
}

impl<T: Number, const LEAST: u32, const MOST: u32> FromStr for Within<T, LEAST, MOST> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.trim().parse();
        Self::new(number.map_err(|_| format!("`{text}` is not a number from {LEAST} to {MOST}"))?)
    }
}

impl<T: Display, const LEAST: u32, const MOST: u32> Display for Within<T, LEAST, MOST> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<'de, T, const LEAST: u32, const MOST: u32> Deserialize<'de> for Within<T, LEAST, MOST>
where
    T: Number + Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = T::deserialize(deserializer)?;
        Self::new(number).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_bounds_are_refused_with_the_bounds() {
        type Percent = Within<f64, 0, 90>;
        assert_eq!("2.5".parse::<Percent>().map(Percent::get), Ok(2.5));
        for wrong in ["-0.1", "90.1", "NaN", "inf", "x", ""] {
            let error = wrong.parse::<Percent>().unwrap_err();
            assert!(error.ends_with("from 0 to 90"), "{error}");
        }
        let read: Result<Within<u32, 1, 8>, _> = serde_json::from_str("9");
        let error = read.unwrap_err().to_string();
        assert!(error.starts_with("9 is not from 1 to 8"), "{error}");
    }
}
