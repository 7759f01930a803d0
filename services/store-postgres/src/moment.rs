//! Points in time: milliseconds since 1970 here, `timestamptz` (microseconds since 2000) there.

use std::error::Error;

use bytes::{BufMut as _, BytesMut};
use statesync_core::Timestamp;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

/// A timestamp as a column has it. Whole milliseconds come back exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl Moment {
    /// The last one that a column can have: in the year 294246.
    pub(crate) const MAX: Timestamp = Timestamp(9_223_371_331_199_999);
}

impl ToSql for Moment {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        if self.0 > Self::MAX {
            return Err(format!("{} ms is beyond what a timestamptz can be", self.0.0).into());
        }
        let unix_us = i64::try_from(self.0.0)? * 1_000;
        out.put_i64(unix_us - UNIX_US_OF_2000);
        Ok(IsNull::No)
    }

    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

impl FromSql<'_> for Moment {
    fn from_sql(_: &Type, raw: &[u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let us = i64::from_be_bytes(raw.try_into()?);
        let unix_us = us
            .checked_add(UNIX_US_OF_2000)
            .ok_or("an endless timestamptz")?;
        // The database's clock has microseconds: what is not a whole millisecond has not begun.
        let unix_ms =
            u64::try_from(unix_us.div_euclid(1_000)).map_err(|_| "a timestamptz before 1970")?;
        Ok(Self(Timestamp(unix_ms)))
    }

    accepts!(TIMESTAMPTZ);
}

const UNIX_US_OF_2000: i64 = 946_684_800_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_come_back_exactly() {
        let times = [0, 1, 999, 946_684_799_999, 1_700_000_000_001];
        for time in times.map(Timestamp).into_iter().chain([Moment::MAX]) {
            let mut raw = BytesMut::new();
            Moment(time).to_sql(&Type::TIMESTAMPTZ, &mut raw).unwrap();
            let back = Moment::from_sql(&Type::TIMESTAMPTZ, &raw).unwrap();
            assert_eq!(back, Moment(time));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut raw = BytesMut::new();
        for time in [Moment::MAX.0 + 1, u64::MAX] {
            let refused = Moment(Timestamp(time)).to_sql(&Type::TIMESTAMPTZ, &mut raw);
            assert!(refused.is_err());
        }
    }
}
