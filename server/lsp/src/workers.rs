//! Threads for work that takes time, each with a stack that the evaluator may use up.
//!
//! Three lines: what somebody waits for, what somebody asked for that takes long (the whole workspace), and what nobody
//! waits for (folders, git). A panic in a job is caught; it ends that job and nothing else.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use image_python::inspect::STACK;
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Jobs in the order in which they came. A job wakes one thread and no more.
#[derive(Default)]
struct Line {
    jobs: Mutex<Jobs>,
    comes: Condvar,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    is_closed: bool,
}

impl Line {
    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, job: Job) {
        self.jobs().waiting.push_back(job);
        self.comes.notify_one();
    }

    /// The next job; `None` when there will be no more.
    fn next(&self) -> Option<Job> {
        let mut jobs = self.jobs();
        loop {
            if let Some(job) = jobs.waiting.pop_front() {
                return Some(job);
            }
            if jobs.is_closed {
                return None;
            }
            jobs = self.comes.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn close(&self) {
        self.jobs().is_closed = true;
        self.comes.notify_all();
    }
}

/// Threads for what somebody waits for.
const THREADS: usize = 3;

/// The threads.
pub(crate) struct Workers {
    now: Arc<Line>,
    long: Arc<Line>,
    later: Arc<Line>,
}

impl Drop for Workers {
    fn drop(&mut self) {
        for line in [&self.now, &self.long, &self.later] {
            line.close();
        }
    }
}

/// A job did not come to its end: it failed, which is a defect.
#[derive(Debug)]
pub(crate) struct Failed;

impl Workers {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system has none to give.
    pub(crate) fn start() -> std::io::Result<Self> {
        let workers = Self { now: Arc::default(), long: Arc::default(), later: Arc::default() };
        for _ in 0..THREADS {
            spawn(Arc::clone(&workers.now))?;
        }
        spawn(Arc::clone(&workers.long))?;
        spawn(Arc::clone(&workers.later))?;
        Ok(workers)
    }

    /// Runs a job and gives its result.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failed> {
        wait_for(&self.now, job).await
    }

    /// The same for what takes long.
    pub(crate) async fn run_long<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failed> {
        wait_for(&self.long, job).await
    }

    /// Runs a job that answers nobody.
    pub(crate) fn start_now(&self, job: impl FnOnce() + Send + 'static) {
        self.now.add(Box::new(job));
    }

    /// Runs a job that answers nobody and may take long.
    pub(crate) fn start_later(&self, job: impl FnOnce() + Send + 'static) {
        self.later.add(Box::new(job));
    }
}

/// Sends a job, and waits for its result.
async fn wait_for<T: Send + 'static>(
    line: &Line,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failed> {
    let (sender, receiver) = oneshot::channel();
    line.add(Box::new(move || drop(sender.send(job()))));
    receiver.await.map_err(|_| Failed)
}

fn spawn(line: Arc<Line>) -> std::io::Result<()> {
    let work = move || {
        while let Some(job) = line.next() {
            drop(std::panic::catch_unwind(AssertUnwindSafe(job)));
        }
    };
    std::thread::Builder::new().name("worker".to_owned()).stack_size(STACK).spawn(work).map(drop)
}
