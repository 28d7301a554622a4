//! How long a connection may keep silent: within the head of a request, and between requests.
//!
//! A timer that is set anew for every request costs more than looking up a kept answer. So the
//! connection notes what it waits for and since when, and one timer looks at the note now and then.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// The first byte of a request, or for the client to take the last answer.
    Idle,
    /// The rest of a request's head.
    Head,
    /// Nothing of the client: its request is being answered.
    Answer,
}

/// What one connection waits for, and since when. Clones are the same note.
#[derive(Debug, Clone)]
pub(super) struct Note {
    opened: Instant,
    /// Microseconds since `opened`, and the wait in the last two bits.
    written: Arc<AtomicU64>,
}

impl Note {
    /// Nothing has come yet.
    pub fn new() -> Self {
        Self { opened: Instant::now(), written: Arc::new(AtomicU64::new(Wait::Idle as u64)) }
    }

    /// From now on the connection waits for this.
    pub fn write(&self, wait: Wait) {
        let since = match wait {
            // However long it takes.
            Wait::Answer => Duration::ZERO,
            Wait::Idle | Wait::Head => self.opened.elapsed(),
        };
        let micros = u64::try_from(since.as_micros()).unwrap_or(u64::MAX >> 2);
        self.written.store(micros << 2 | wait as u64, Ordering::Relaxed);
    }

    fn read(&self) -> (Wait, Instant) {
        let written = self.written.load(Ordering::Relaxed);
        let wait = [Wait::Idle, Wait::Head, Wait::Answer]
            .into_iter()
            .find(|wait| *wait as u64 == written & 3)
            .unwrap_or(Wait::Answer);
        (wait, self.opened + Duration::from_micros(written >> 2))
    }
}

/// The longest that a connection may wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub head: Duration,
    pub idle: Duration,
}

impl Patience {
    /// When to look at the note again; none: the client's time is over.
    ///
    /// Never later than a head may take, so that one that begins in between is not overlooked.
    pub fn until(self, note: &Note, now: Instant) -> Option<Instant> {
        let (wait, since) = note.read();
        let end = match wait {
            Wait::Idle => since + self.idle,
            Wait::Head => since + self.head,
            Wait::Answer => now + self.head,
        };
        (now < end).then(|| end.min(now + self.head))
    }
}

/// A stream that notes what it sees of the client.
pub(super) struct Watched<S> {
    stream: S,
    note: Note,
    /// The client did not take what was written last.
    blocked: bool,
}

impl<S> Watched<S> {
    pub fn new(stream: S, note: Note) -> Self {
        Self { stream, note, blocked: false }
    }

    /// The client took a part of a large answer: it is slow, not idle.
    fn taken(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if self.blocked && written.is_ready() && self.note.read().0 == Wait::Idle {
            self.note.write(Wait::Idle);
        }
        self.blocked = written.is_pending();
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before && self.note.read().0 == Wait::Idle {
            self.note.write(Wait::Head);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.taken(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.taken(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const PATIENCE: Patience =
        Patience { head: Duration::from_secs(10), idle: Duration::from_secs(75) };

    /// Seconds until the note is looked at again, this long after it was written.
    fn again(wait: Wait, after: u64) -> Option<u64> {
        let note = Note::new();
        note.write(wait);
        let now = note.read().1 + Duration::from_secs(after);
        PATIENCE.until(&note, now).map(|until| (until - now).as_secs())
    }

    #[test]
    fn the_note_is_looked_at_before_any_time_is_over() {
        assert_eq!(
            [0, 4, 9, 10].map(|after| again(Wait::Head, after)),
            [Some(10), Some(6), Some(1), None]
        );
        assert_eq!(
            [0, 40, 70, 75].map(|after| again(Wait::Idle, after)),
            [Some(10), Some(10), Some(5), None]
        );
        assert_eq!([0, 1_000].map(|after| again(Wait::Answer, after)), [Some(10); 2]);
    }

    #[tokio::test]
    async fn a_first_byte_begins_a_head_and_a_slow_reader_is_not_idle() {
        let note = Note::new();
        let (mut client, server) = tokio::io::duplex(4);
        let mut server = Watched::new(server, note.clone());
        client.write_all(b"GE").await.unwrap();
        server.read_u8().await.unwrap();
        let (wait, begun) = note.read();
        assert_eq!(wait, Wait::Head);
        tokio::time::sleep(Duration::from_millis(2)).await;
        server.read_u8().await.unwrap();
        assert_eq!(note.read(), (Wait::Head, begun), "the time runs from the first byte");

        note.write(Wait::Idle);
        let answered = note.read();
        server.write_all(b"1234").await.unwrap();
        assert_eq!(note.read(), answered, "what is taken at once says nothing");
        tokio::time::sleep(Duration::from_millis(2)).await;
        let rest = async {
            tokio::task::yield_now().await;
            client.read_exact(&mut [0; 8]).await
        };
        let (written, read) = tokio::join!(server.write_all(b"5678"), rest);
        written.unwrap();
        read.unwrap();
        assert!(note.read().1 > answered.1);
    }
}
