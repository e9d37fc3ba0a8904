//! A body whose bytes come while it is sent: parts out of a bounded channel, so that nothing is ever whole in memory.

use bytes::Bytes;
use hyper::body::{Body, Frame};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Chunks that wait between who writes and who sends.
const CHUNKS_MAX: usize = 4;

/// The receiving end, to be sent as a body; an error in it breaks the body off.
pub struct Pipe(Receiver<Result<Bytes, io::Error>>);

/// Makes a body and the way to fill it; dropping the sender ends it.
pub fn pipe() -> (Sender<Result<Bytes, io::Error>>, Pipe) {
    let (sender, receiver) = channel(CHUNKS_MAX);
    (sender, Pipe(receiver))
}

impl Body for Pipe {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.get_mut().0.poll_recv(cx).map(|chunk| chunk.map(|c| c.map(Frame::data)))
    }
}
