//! Threads for work that takes time, each with a stack that the evaluator may use up.
//!
//! Two lines: what somebody waits for, and what may take long (folders, git, the whole workspace). A panic in a job is
//! caught; it ends that job and nothing else.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use image_python::inspect::STACK;
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Threads for what somebody waits for.
const THREADS: usize = 3;

/// The threads.
pub(crate) struct Workers {
    now: mpsc::Sender<Job>,
    later: mpsc::Sender<Job>,
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
        let (now, jobs) = mpsc::channel::<Job>();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..THREADS {
            spawn(Arc::clone(&jobs))?;
        }
        let (later, jobs) = mpsc::channel::<Job>();
        spawn(Arc::new(Mutex::new(jobs)))?;
        Ok(Self { now, later })
    }

    /// Runs a job and gives its result.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failed> {
        wait_for(&self.now, job).await
    }

    /// The same for what may take long.
    pub(crate) async fn run_later<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failed> {
        wait_for(&self.later, job).await
    }

    /// Runs a job that answers nobody.
    pub(crate) fn start_now(&self, job: impl FnOnce() + Send + 'static) {
        let _ = self.now.send(Box::new(job));
    }

    /// Runs a job that answers nobody and may take long.
    pub(crate) fn start_later(&self, job: impl FnOnce() + Send + 'static) {
        let _ = self.later.send(Box::new(job));
    }
}

/// Sends a job, and waits for its result.
async fn wait_for<T: Send + 'static>(
    line: &mpsc::Sender<Job>,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failed> {
    let (sender, receiver) = oneshot::channel();
    let _ = line.send(Box::new(move || drop(sender.send(job()))));
    receiver.await.map_err(|_| Failed)
}

fn spawn(jobs: Arc<Mutex<mpsc::Receiver<Job>>>) -> std::io::Result<()> {
    let work = move || {
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            match job {
                Ok(job) => drop(std::panic::catch_unwind(AssertUnwindSafe(job))),
                // Nobody is left who could send one.
                Err(_) => return,
            }
        }
    };
    std::thread::Builder::new().name("worker".to_owned()).stack_size(STACK).spawn(work).map(drop)
}
