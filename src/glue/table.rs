//! Values that wait under a number.

/// A table whose rows are used again.
pub struct Table<T> {
    rows: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Table<T> {
    /// An empty table.
    pub const fn new() -> Self {
        Self { rows: Vec::new(), free: Vec::new() }
    }

    /// Puts a value in; its number.
    pub fn put(&mut self, value: T) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| u32::try_from(self.rows.len()).unwrap_or(u32::MAX));
        match self.row(number) {
            Some(row) => *row = Some(value),
            None => self.rows.push(Some(value)),
        }
        number
    }

    /// The value of that number, if it is still there.
    pub fn get(&mut self, number: u32) -> Option<&mut T> {
        self.row(number)?.as_mut()
    }

    /// Takes it out.
    pub fn take(&mut self, number: u32) -> Option<T> {
        let value = self.row(number)?.take()?;
        self.free.push(number);
        Some(value)
    }

    fn row(&mut self, number: u32) -> Option<&mut Option<T>> {
        self.rows.get_mut(usize::try_from(number).ok()?)
    }
}
