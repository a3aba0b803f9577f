//! Values that wait under a number.

/// A table whose rows are used again.
pub struct Table<T> {
    rows: Vec<Option<T>>,
    free: Vec<u32>,
}

/// With so many rows in use, and each time that as many have been added, those that nobody will come back for are looked for.
const MANY: usize = 1024;

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

    /// Whether the next value needs another row, and the rows are so many that this is the time to look which can be given up.
    pub const fn is_full_of_many(&self) -> bool {
        self.free.is_empty() && !self.rows.is_empty() && self.rows.len().is_multiple_of(MANY)
    }

    /// Keeps these values only.
    pub fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        for (number, row) in (0..).zip(&mut self.rows) {
            if row.take_if(|value| !keep(value)).is_some() {
                self.free.push(number);
            }
        }
    }

    fn row(&mut self, number: u32) -> Option<&mut Option<T>> {
        self.rows.get_mut(usize::try_from(number).ok()?)
    }
}
