//! The signal that the broker stops, seen by every task.

use std::time::Duration;

use tokio::sync::watch;

/// Tells all holders of a [`Shutdown`] to stop, once.
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<bool>);

/// One holder's view of the signal.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

/// A trigger and its first holder.
pub fn channel() -> (ShutdownTrigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (ShutdownTrigger(sender), Shutdown(receiver))
}

impl ShutdownTrigger {
    /// Starts the shutdown.
    pub fn start(&self) {
        self.0.send_replace(true);
    }

    /// Waits until every holder is gone.
    pub async fn all_gone(&self) {
        self.0.closed().await;
    }
}

impl Shutdown {
    /// Waits for the signal; a trigger that is gone counts as one.
    pub async fn started(&self) {
        let mut receiver = self.0.clone();
        // An error means that the trigger is gone, which stops us as well.
        let _gone = receiver.wait_for(|started| *started).await.is_err();
    }

    /// Waits for the signal and then for `grace` more.
    pub async fn started_for(&self, grace: Duration) {
        self.started().await;
        tokio::time::sleep(grace).await;
    }
}
