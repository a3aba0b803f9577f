//! The databases of ledgers, as files.
use std::{
    fs,
    path::{Path, PathBuf},
};

/// All there are, with that of the directory of accounts, but without what workerd notes itself.
pub fn databases(ledgers: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(ledgers).expect("the folder").flatten().filter(|entry| entry.path().is_dir());
    let files = folders.flat_map(|folder| fs::read_dir(folder.path()).expect("a folder").flatten());
    let is_database =
        |path: &PathBuf| path.extension().is_some_and(|kind| kind == "sqlite") && !path.ends_with("metadata.sqlite");
    files.map(|file| file.path()).filter(is_database).collect()
}

/// Those of accounts alone.
pub fn of_accounts(ledgers: &Path) -> impl Iterator<Item = PathBuf> {
    let is_of_account = |path: &PathBuf| path.parent().is_some_and(|folder| folder.ends_with("ledger"));
    databases(ledgers).into_iter().filter(is_of_account)
}
