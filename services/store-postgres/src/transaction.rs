//! One transaction on one connection of the pool.
//!
//! Statements go out without waiting for the answers to those before them (the futures are polled
//! together, and each sends its message when it is first polled), so that a transaction takes as many
//! round trips as it has decisions. Every statement is one unnamed, typed `Parse` to `Sync`
//! (`query_typed`): nothing is prepared that would have to be there the next time, so a pooler may
//! give every transaction another server connection. Settings are `SET LOCAL` for the same reason.
//! Each time the server parses and plans it, which is nothing beside a commit but as much as several rows:
//! the usual append is a call of a function, whose statements the server plans once for each session.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use futures::FutureExt as _;
use futures::future::{join, join_all, maybe_done};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row};

use crate::failure::Failure;
use crate::options::Options;

/// A statement and what is filled in, each with its type: the server need not be asked.
pub(crate) struct Statement<'a> {
    sql: &'a str,
    parameters: Vec<Parameter<'a>>,
}

/// What is filled in, and its type.
pub(crate) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

impl<'a> Statement<'a> {
    pub(crate) fn new<const N: usize>(sql: &'a str, parameters: [Parameter<'a>; N]) -> Self {
        Self::with(sql, parameters.into())
    }

    pub(crate) fn with(sql: &'a str, parameters: Vec<Parameter<'a>>) -> Self {
        Self { sql, parameters }
    }
}

/// Where transactions come from.
pub(crate) struct Transactions {
    pool: Pool,
    /// How one begins that writes. What was committed before a statement is seen by it.
    pub(crate) writing: String,
    /// How one begins that reads: all of it at one moment.
    reading: String,
    /// How long to wait for answers.
    patience: Duration,
}

impl Transactions {
    pub(crate) fn new(pool: Pool, options: &Options) -> Self {
        let statement = options.statement_timeout.as_millis();
        let lock = options.lock_timeout.as_millis();
        // With `synchronous_commit` off, a crash of the server loses what it acknowledged.
        let writing = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; \
             SET LOCAL statement_timeout = {statement}; \
             SET LOCAL lock_timeout = {lock}; \
             SET LOCAL idle_in_transaction_session_timeout = {statement}; \
             SET LOCAL synchronous_commit = on"
        );
        let reading = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
             SET LOCAL statement_timeout = {statement}"
        );
        Self {
            pool,
            writing,
            reading,
            patience: options.statement_timeout + PATIENCE_BEYOND,
        }
    }

    /// A connection that no transaction is on.
    pub(crate) async fn start(&self) -> Result<Transaction, Failure> {
        Ok(Transaction {
            connection: Some(self.pool.get().await?),
            patience: self.patience,
        })
    }

    /// Reads, all of one moment, in one round trip.
    pub(crate) async fn read<const N: usize>(
        &self,
        statements: [Statement<'_>; N],
    ) -> Result<[Vec<Row>; N], Failure> {
        let transaction = self.start().await?;
        let outcome = transaction.read(&self.reading, &statements).await;
        transaction.end(outcome).and_then(exactly)
    }

    /// Writes something that needs no decision in between, in one round trip.
    pub(crate) async fn write<const N: usize>(
        &self,
        statements: [Statement<'_>; N],
    ) -> Result<[Vec<Row>; N], Failure> {
        let transaction = self.start().await?;
        let outcome = transaction.write(&self.writing, &statements).await;
        transaction.end(outcome).and_then(exactly)
    }

    /// Connections that are open.
    pub(crate) fn connections(&self) -> usize {
        self.pool.status().size
    }
}

/// A connection while a transaction is on it.
///
/// Dropped before its end (the caller gave up, or an answer is missing), it is closed, which rolls back:
/// a connection in the middle of something never returns to the pool.
pub(crate) struct Transaction {
    connection: Option<Object>,
    patience: Duration,
}

impl Transaction {
    /// Begins, and asks in the same round trip.
    pub(crate) async fn begin<const N: usize>(
        &self,
        begin: &str,
        statements: [Statement<'_>; N],
    ) -> Result<[Vec<Row>; N], Failure> {
        let client = self.client()?;
        let begun = client.batch_execute(begin);
        let (begun, rows) = self.answers(join(begun, sent(client, &statements))).await?;
        begun?;
        exactly(each(rows, Failure::from)?)
    }

    /// Asks for more, in a round trip of its own.
    pub(crate) async fn ask<const N: usize>(
        &self,
        statements: [Statement<'_>; N],
    ) -> Result<[Vec<Row>; N], Failure> {
        let rows = self.answers(sent(self.client()?, &statements)).await?;
        exactly(each(rows, Failure::from)?)
    }

    /// The last statements, and `COMMIT` with them.
    pub(crate) async fn commit(
        &self,
        statements: &[Statement<'_>],
    ) -> Result<Vec<Vec<Row>>, Failure> {
        let client = self.client()?;
        let mut sent: Vec<_> = statements
            .iter()
            .map(|statement| Box::pin(maybe_done(asked(client, statement))))
            .collect();
        // Each is sent when it is polled first, unless it cannot be said in the protocol (a time beyond
        // what a column can have). Then COMMIT must not be sent: it would commit the others.
        poll_fn(|context| {
            for statement in &mut sent {
                let _ = statement.as_mut().poll(context);
            }
            Poll::Ready(())
        })
        .await;
        for statement in &mut sent {
            if let Some(Err(_)) = statement.as_mut().output_mut() {
                let refused = statement.as_mut().take_output();
                return Err(refused.map_or_else(missing, |refused| match refused {
                    Err(error) => Failure::from(error),
                    Ok(_) => missing(),
                }));
            }
        }
        let commit = client.batch_execute(COMMIT_DURABLY);
        let answers = self.answers(join(join_all(&mut sent), commit));
        let (_, commit) = answers.await.map_err(in_doubt)?;
        // After a statement that failed, COMMIT rolls back and says so without an error.
        let rows = sent.iter_mut().map(|sent| sent.as_mut().take_output());
        let rows = rows.collect::<Option<Vec<_>>>().ok_or_else(missing)?;
        let rows = each(rows, Failure::after_commit)?;
        commit.map_err(Failure::after_commit)?;
        Ok(rows)
    }

    async fn read(
        &self,
        begin: &str,
        statements: &[Statement<'_>],
    ) -> Result<Vec<Vec<Row>>, Failure> {
        let client = self.client()?;
        let begun = client.batch_execute(begin);
        let commit = client.batch_execute(COMMIT);
        let answers = self.answers(join(begun, join(sent(client, statements), commit)));
        let (begun, (rows, commit)) = answers.await?;
        begun?;
        let rows = each(rows, Failure::from)?;
        commit?;
        Ok(rows)
    }

    async fn write(
        &self,
        begin: &str,
        statements: &[Statement<'_>],
    ) -> Result<Vec<Vec<Row>>, Failure> {
        let client = self.client()?;
        let begun = client.batch_execute(begin);
        let answers = join(begun, self.commit(statements)).await;
        match answers {
            (Err(error), _) => Err(Failure::after_commit(error)),
            (Ok(()), committed) => committed,
        }
    }

    fn client(&self) -> Result<&Client, Failure> {
        let connection = self.connection.as_ref();
        // Only the end takes it away, and that consumes the transaction.
        let client = connection.map(|connection| -> &Client { connection });
        client.ok_or_else(|| Failure::Lost("the transaction is over".to_owned()))
    }

    /// Waits for answers, but not for ever: the other end may be gone without a word.
    async fn answers<T>(&self, answers: impl Future<Output = T>) -> Result<T, Failure> {
        let waited = tokio::time::timeout(self.patience, answers).await;
        waited.map_err(|_| Failure::Silent(format!("no answer in {:?}", self.patience)))
    }

    /// Gives the connection back after `COMMIT` was answered, or, when something failed before,
    /// rolls back if the connection is still good for anything.
    pub(crate) fn end<T>(mut self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        match &outcome {
            Ok(_) => drop(self.connection.take()),
            Err(failure) if failure.leaves_the_connection() => self.roll_back(),
            Err(_) => {}
        }
        outcome
    }

    /// Leaves everything as it was, and gives the connection back.
    pub(crate) fn roll_back(mut self) {
        if let Some(connection) = self.connection.take() {
            // Polled once, it is sent; whoever has the connection next comes after it.
            let _ = connection.batch_execute("ROLLBACK").now_or_never();
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}

/// Sends all statements, in order, and waits for the answers to all of them.
async fn sent(client: &Client, statements: &[Statement<'_>]) -> Vec<Result<Vec<Row>, Error>> {
    // So few that they are polled in order.
    let answers = statements.iter();
    join_all(answers.map(|statement| asked(client, statement))).await
}

async fn asked(client: &Client, statement: &Statement<'_>) -> Result<Vec<Row>, Error> {
    client
        .query_typed(statement.sql, &statement.parameters)
        .await
}

/// The rows of all statements; the first failure, if there is one.
fn each(
    answers: Vec<Result<Vec<Row>, Error>>,
    failure: impl Fn(Error) -> Failure,
) -> Result<Vec<Vec<Row>>, Failure> {
    answers
        .into_iter()
        .map(|answer| answer.map_err(&failure))
        .collect()
}

fn exactly<const N: usize>(rows: Vec<Vec<Row>>) -> Result<[Vec<Row>; N], Failure> {
    rows.try_into().map_err(|_| missing())
}

/// There are as many answers as statements, by construction.
fn missing() -> Failure {
    Failure::Silent("an answer is missing".to_owned())
}

fn in_doubt(failure: Failure) -> Failure {
    match failure {
        Failure::Silent(reason) => Failure::Doubtful(reason),
        other => other,
    }
}

const COMMIT: &str = "COMMIT";
/// A commit that waits for a synchronous standby and is told to give up says that it succeeded. So the
/// server's timeout ends here, and only the one of this side goes on, which leaves it in doubt.
const COMMIT_DURABLY: &str = "SET LOCAL statement_timeout = 0; COMMIT";
/// The server ends a statement by itself; this is for a network that does not tell.
const PATIENCE_BEYOND: Duration = Duration::from_secs(5);
