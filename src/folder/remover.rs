//! Who replaces, moves or removes a file.

/// The client that replaces, moves or removes a file, as the trash records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remover {
    /// The owner of what it puts into the trash, as text that stays the same. Nobody but `admin` sees entries without an
    /// owner.
    pub owner: Option<String>,
    /// Its name, for others to read, if it is a user.
    pub principal: Option<String>,
    /// The name under which the files that it saves are counted: the owner if that outlives the request, otherwise the
    /// client's address. The name is kept in memory only.
    pub writer: String,
    /// The name under which its entries in the trash are counted: a user or a link, otherwise the client's address.
    /// Cookies do not count, since a client may invent any number of them. The name is kept in memory only.
    pub share: String,
}

impl Remover {
    /// A client that can be recognised by its address alone.
    pub fn at_address(address: String) -> Self {
        Self { owner: None, principal: None, writer: address.clone(), share: address }
    }

    /// Whether it is known by more than its address, which many clients may have.
    pub(super) fn is_known(&self) -> bool {
        self.owner.as_ref() == Some(&self.writer)
    }

    /// A client that acts for this owner.
    pub fn of_owner(owner: String, principal: Option<String>) -> Self {
        Self { writer: owner.clone(), share: owner.clone(), owner: Some(owner), principal }
    }

    /// A client at this address that shows the cookie of this owner.
    pub fn with_cookie(owner: String, address: String) -> Self {
        Self { share: address, ..Self::of_owner(owner, None) }
    }
}
