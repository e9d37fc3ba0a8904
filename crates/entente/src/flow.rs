//! A body that is fed from a channel, so that a file goes over the local API without ever being in memory whole.

use bytes::Bytes;
use hyper::body::{Body, Frame};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Parts that may wait between the two ends.
const PARTS_MAX: usize = 2;

/// The end that a request or an answer reads from; an error on the channel breaks the body off.
pub struct Flow(Receiver<io::Result<Bytes>>);

/// Makes a body and the end that feeds it.
pub fn flow() -> (Sender<io::Result<Bytes>>, Flow) {
    let (feed, parts) = channel(PARTS_MAX);
    (feed, Flow(parts))
}

impl Body for Flow {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(cx).map(|part| part.map(|p| p.map(Frame::data)))
    }
}
