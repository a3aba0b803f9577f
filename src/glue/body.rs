//! Bodies, read in large blocks: the runtime hands them over in chunks of 4 KiB, and each chunk costs as much as
//! scrubbing it.

use std::rc::Rc;

use js_sys::{Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::deadline::Deadline;

/// How much is read at a time, in bytes.
const BLOCK: u32 = 64 * 1024;

#[wasm_bindgen]
extern "C" {
    /// The runtime's own reader: it fills a buffer, where the standard's gives what happens to be there.
    type BlockReader;

    #[wasm_bindgen(method, js_name = readAtLeast)]
    fn read_at_least(this: &BlockReader, bytes: u32, view: &Uint8Array) -> Promise;

    #[wasm_bindgen(method)]
    fn cancel(this: &BlockReader) -> Promise;

    #[wasm_bindgen(method, js_name = getReader, catch)]
    fn get_block_reader(this: &Readable, options: &Object) -> Result<BlockReader, JsValue>;

    /// A stream with the runtime's `getReader`.
    type Readable;

    /// A pipe whose ends are a readable and a writable stream, without a transformation.
    type IdentityTransformStream;

    #[wasm_bindgen(constructor)]
    fn new() -> IdentityTransformStream;

    #[wasm_bindgen(method, getter)]
    fn readable(this: &IdentityTransformStream) -> web_sys::ReadableStream;

    #[wasm_bindgen(method, getter)]
    fn writable(this: &IdentityTransformStream) -> web_sys::WritableStream;
}

/// Both ends of a pipe.
pub struct Pipe {
    /// What the customer reads.
    pub readable: web_sys::ReadableStream,
    /// Where its bytes come from.
    pub writer: web_sys::WritableStreamDefaultWriter,
}

impl Pipe {
    /// A new pipe.
    pub fn new() -> Result<Self, JsValue> {
        let stream = IdentityTransformStream::new();
        Ok(Self { readable: stream.readable(), writer: stream.writable().get_writer()? })
    }

    /// Writes, and waits until it was taken.
    pub async fn write(&self, bytes: &[u8]) -> Result<(), JsValue> {
        if !bytes.is_empty() {
            JsFuture::from(self.writer.write_with_chunk(&Uint8Array::from(bytes))).await?;
        }
        Ok(())
    }

    /// Ends the stream as it should end.
    pub async fn close(&self) -> Result<(), JsValue> {
        JsFuture::from(self.writer.close()).await.map(|_| ())
    }

    /// Breaks the stream off: whoever reads it sees that something is missing.
    pub async fn abort(&self, reason: &JsValue) {
        let _ = JsFuture::from(self.writer.abort_with_reason(reason)).await;
    }
}

/// A body on its way in.
pub struct Stream {
    reader: Option<BlockReader>,
    /// How long the sender may keep us waiting.
    deadline: Option<Rc<Deadline>>,
    /// What was read ahead.
    ahead: Vec<u8>,
}

impl Stream {
    /// A stream at its start, with the deadline that is running for it.
    pub fn of(readable: web_sys::ReadableStream, deadline: Option<Rc<Deadline>>) -> Self {
        let options = Object::new();
        let by_block = Reflect::set(&options, &"mode".into(), &"byob".into()).is_ok();
        let readable: Readable = readable.unchecked_into();
        Self { reader: readable.get_block_reader(&options).ok().filter(|_| by_block), deadline, ahead: Vec::new() }
    }

    /// A body without content.
    pub const fn empty() -> Self {
        Self { reader: None, deadline: None, ahead: Vec::new() }
    }

    /// Reads the first block ahead, so that a body that breaks at its start is noticed before anything is answered.
    pub async fn read_ahead(&mut self) -> Result<(), JsValue> {
        self.ahead = self.read().await?.unwrap_or_default();
        if let Some(deadline) = &self.deadline {
            deadline.stop();
        }
        Ok(())
    }

    /// The first bytes of what was read ahead.
    pub fn beginning(&self) -> &[u8] {
        self.ahead.get(..4).unwrap_or(&self.ahead)
    }

    /// The next block; `None` at the end. The time until it is asked for is the reader's own and does not count.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, JsValue> {
        if !self.ahead.is_empty() {
            return Ok(Some(core::mem::take(&mut self.ahead)));
        }
        if let Some(deadline) = &self.deadline {
            deadline.restart();
        }
        let block = self.read().await;
        if let Some(deadline) = &self.deadline {
            deadline.stop();
        }
        block
    }

    async fn read(&mut self) -> Result<Option<Vec<u8>>, JsValue> {
        let Some(reader) = &self.reader else { return Ok(None) };
        let result = JsFuture::from(reader.read_at_least(BLOCK, &Uint8Array::new_with_length(BLOCK))).await?;
        let value = Reflect::get(&result, &"value".into())?;
        let bytes = value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).unwrap_or_default();
        if bytes.len() < BLOCK as usize {
            self.reader = None;
        }
        Ok((!bytes.is_empty()).then_some(bytes))
    }

    /// The body, if all of it was read ahead; otherwise the stream back.
    pub fn into_whole(self) -> Result<Vec<u8>, Self> {
        if self.reader.is_none() { Ok(self.ahead) } else { Err(self) }
    }

    /// Everything up to a little more than `limit` bytes; the rest is not read.
    pub async fn all(mut self, limit: usize) -> Result<Vec<u8>, JsValue> {
        let mut all = Vec::new();
        while let Some(block) = self.read().await? {
            all.extend(block);
            if all.len() > limit {
                self.cancel();
                break;
            }
        }
        Ok(all)
    }

    /// Tells the sender that nobody reads on.
    pub fn cancel(&self) {
        if let Some(reader) = &self.reader {
            let _ = reader.cancel();
        }
    }
}
