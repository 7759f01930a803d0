//! The files of `tests/data`.

use std::fs::File;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;

/// A recorded session.
pub(super) struct Recording {
    pub(super) transactions: Vec<Transaction>,
    /// What is written in the end.
    pub(super) ending: String,
}

/// What one author did at one moment.
pub(super) struct Transaction {
    /// The transactions that the author had seen last.
    parents: Vec<usize>,
    pub(super) agent: usize,
    pub(super) patches: Vec<Patch>,
}

/// One replacement, counted in Unicode code points.
pub(super) struct Patch {
    pub(super) position: u32,
    pub(super) deleted: u32,
    pub(super) inserted: String,
}

impl Recording {
    pub(super) fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data")
            .join(name);
        let file = GzDecoder::new(File::open(path).unwrap());
        let recording: Value = serde_json::from_reader(std::io::BufReader::new(file)).unwrap();
        assert_eq!(recording["startContent"].as_str().unwrap_or_default(), "");
        let ending = recording["endContent"].as_str().unwrap().to_owned();
        let transactions = recording["txns"].as_array().unwrap().iter().enumerate();
        let transactions: Vec<_> = transactions.map(Transaction::of).collect();
        // Then a position in code points is one in the units of UTF-16, which Yjs counts.
        let inserted = transactions
            .iter()
            .flat_map(|transaction| &transaction.patches);
        assert!(
            inserted
                .map(|patch| &patch.inserted)
                .all(|text| text.is_ascii())
        );
        Self {
            transactions,
            ending,
        }
    }
}

impl Transaction {
    fn of((index, transaction): (usize, &Value)) -> Self {
        let number = |value: &Value| value.as_u64().unwrap() as usize;
        let parents = match &transaction["parents"] {
            Value::Array(parents) => parents.iter().map(number).collect(),
            // A recording of one author: each transaction follows the one before.
            _ => index.checked_sub(1).into_iter().collect(),
        };
        let patch = |patch: &Value| Patch {
            position: number(&patch[0]) as u32,
            deleted: number(&patch[1]) as u32,
            inserted: patch[2].as_str().unwrap().to_owned(),
        };
        Self {
            parents,
            agent: transaction.get("agent").map_or(0, number),
            patches: transaction["patches"]
                .as_array()
                .unwrap()
                .iter()
                .map(patch)
                .collect(),
        }
    }
}

/// For each transaction, how many of the other author's its author had seen. Its author's own
/// must all be among its ancestors, for one client to replay them.
pub(super) fn seen_of_the_other(transactions: &[Transaction]) -> Vec<usize> {
    let mut histories: Vec<[usize; 2]> = Vec::with_capacity(transactions.len());
    let mut made = [0, 0];
    let mut seen = Vec::with_capacity(transactions.len());
    for transaction in transactions {
        let mut history = [0, 0];
        for parent in &transaction.parents {
            let of_parent = histories[*parent];
            history = [0, 1].map(|agent: usize| history[agent].max(of_parent[agent]));
        }
        let me = transaction.agent;
        assert_eq!(history[me], made[me], "an author forgot an own edit");
        seen.push(history[1 - me]);
        history[me] += 1;
        made[me] += 1;
        histories.push(history);
    }
    seen
}
