//! Shared keys among the settings.

use crate::secret::Secret;

/// Shortest shared key accepted, in characters.
const MIN_KEY: usize = 32;

/// Another Livery that this one shares a key with.
#[derive(Clone, Debug)]
pub struct Partner {
    /// What both sides call the relation.
    pub name: String,
    /// What requests between them are signed with.
    pub key: Secret<String>,
}

/// One `name=key`.
pub(super) fn partner(text: &str) -> Result<Partner, &'static str> {
    let (name, key) = text.split_once('=').ok_or("is not name=key")?;
    let (name, key) = (name.trim(), key.trim());
    let well_named =
        (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !well_named {
        return Err("has a name that is not 1 to 32 lower-case letters, digits or hyphens");
    }
    Ok(Partner { name: name.to_owned(), key: token(key)? })
}

/// Several of them, separated by commas; each name once.
pub(super) fn partners(text: &str) -> Result<Vec<Partner>, &'static str> {
    let partners: Vec<Partner> = text.split(',').map(|pair| partner(pair.trim())).collect::<Result<_, _>>()?;
    let repeated = partners.iter().enumerate().any(|(i, p)| partners.iter().skip(i + 1).any(|other| other.name == p.name));
    if repeated { Err("has the same name twice") } else { Ok(partners) }
}

/// A long random text.
pub(super) fn token(text: &str) -> Result<Secret<String>, &'static str> {
    let strong = text.len() >= MIN_KEY && text.bytes().all(|b| b.is_ascii_graphic());
    strong.then(|| Secret::new(text.to_owned())).ok_or("has a key that is not at least 32 random characters without spaces")
}
