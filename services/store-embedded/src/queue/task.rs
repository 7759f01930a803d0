//! A request made of a decision and somebody who waits for its answer.

use futures::channel::oneshot;

use super::{Decision, Reads, Work};
use crate::error::Refusal;
use crate::rows::Rows;

/// See [`Work`]. `Decide` is called once.
pub(crate) struct Task<Decide, Answer, Failure> {
    decide: Option<Decide>,
    bytes: usize,
    answer: Option<Result<Answer, Failure>>,
    asker: oneshot::Sender<Result<Answer, Failure>>,
}

impl<Decide, Answer, Failure> Task<Decide, Answer, Failure>
where
    Decide: FnOnce(&Reads<'_>, &mut Rows) -> Result<Answer, Failure> + Send + 'static,
    Answer: Send + 'static,
    Failure: From<Refusal> + Send + 'static,
{
    /// A request that occupies `bytes`, and where its answer will come.
    pub(crate) fn asked(
        bytes: usize,
        decide: Decide,
    ) -> (Box<dyn Work>, oneshot::Receiver<Result<Answer, Failure>>) {
        let (asker, answered) = oneshot::channel();
        let task = Self {
            decide: Some(decide),
            bytes,
            answer: None,
            asker,
        };
        (Box::new(task), answered)
    }
}

impl<Decide, Answer, Failure> Work for Task<Decide, Answer, Failure>
where
    Decide: FnOnce(&Reads<'_>, &mut Rows) -> Result<Answer, Failure> + Send,
    Answer: Send,
    Failure: From<Refusal> + Send,
{
    fn decide(&mut self, reads: &Reads<'_>, rows: &mut Rows) -> Decision {
        let answer = self.decide.take().map(|decide| decide(reads, rows));
        let decision = if matches!(answer, Some(Ok(_))) {
            Decision::Write
        } else {
            Decision::Refuse
        };
        self.answer = answer;
        decision
    }

    fn finish(self: Box<Self>, outcome: Result<(), Refusal>) {
        let Self { answer, asker, .. } = *self;
        let answer = outcome.map_err(Failure::from).and_then(|()| {
            answer.unwrap_or_else(|| Err(Refusal::new("the request was not decided").into()))
        });
        // Who does not wait any more does not want the answer.
        let _ = asker.send(answer);
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}
