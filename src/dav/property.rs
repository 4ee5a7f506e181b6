//! The names of properties, and the properties that the server computes.

/// The namespace of WebDAV's own elements (RFC 4918 §14).
pub const NAMESPACE: &str = "DAV:";

/// The name of a property, or of another element: its namespace and its local name (RFC 4918 §4.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PropertyName {
    /// The namespace, which is empty if there is none.
    pub namespace: Box<str>,
    /// The name within the namespace.
    pub local: Box<str>,
}

/// A property that the server computes (RFC 4918 §15, RFC 4331).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveProperty {
    /// What the resource is: a collection or not.
    ResourceType,
    /// The length of a file in bytes.
    ContentLength,
    /// When the content last changed.
    LastModified,
    /// The entity tag of a file.
    EntityTag,
    /// The media type of a file.
    ContentType,
    /// The last segment of the path.
    DisplayName,
    /// The locks on the resource.
    LockDiscovery,
    /// The kinds of locks that there are.
    SupportedLock,
    /// How many bytes can be added (RFC 4331).
    QuotaAvailableBytes,
    /// How many bytes are used (RFC 4331).
    QuotaUsedBytes,
}

impl PropertyName {
    /// The name in this namespace.
    pub fn new(namespace: &str, local: &str) -> Self {
        Self { namespace: namespace.into(), local: local.into() }
    }

    /// Whether it is this name in the namespace `DAV:`.
    pub fn is_dav(&self, local: &str) -> bool {
        &*self.namespace == NAMESPACE && &*self.local == local
    }
}

impl LiveProperty {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ResourceType,
        Self::ContentLength,
        Self::LastModified,
        Self::EntityTag,
        Self::ContentType,
        Self::DisplayName,
        Self::LockDiscovery,
        Self::SupportedLock,
        Self::QuotaAvailableBytes,
        Self::QuotaUsedBytes,
    ];

    /// Its local name in the namespace `DAV:`.
    pub fn local_name(self) -> &'static str {
        let (start, _) = self.tags();
        start.strip_prefix("<D:").and_then(|rest| rest.strip_suffix('>')).unwrap_or_default()
    }

    /// What is before its value and behind it.
    pub fn tags(self) -> (&'static str, &'static str) {
        macro_rules! tags {
            ($name:literal) => {
                (concat!("<D:", $name, ">"), concat!("</D:", $name, ">"))
            };
        }
        match self {
            Self::ResourceType => tags!("resourcetype"),
            Self::ContentLength => tags!("getcontentlength"),
            Self::LastModified => tags!("getlastmodified"),
            Self::EntityTag => tags!("getetag"),
            Self::ContentType => tags!("getcontenttype"),
            Self::DisplayName => tags!("displayname"),
            Self::LockDiscovery => tags!("lockdiscovery"),
            Self::SupportedLock => tags!("supportedlock"),
            Self::QuotaAvailableBytes => tags!("quota-available-bytes"),
            Self::QuotaUsedBytes => tags!("quota-used-bytes"),
        }
    }

    /// The live property of this name.
    pub fn of(name: &PropertyName) -> Option<Self> {
        Self::ALL.into_iter().find(|property| name.is_dav(property.local_name()))
    }
}
