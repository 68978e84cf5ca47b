//! Limits on the XML of one frame.

/// Limits on one frame (the stream header or one stanza). Each is tested at N and N + 1.
///
/// Two sets exist by name: [`XmlLimits::PRE_AUTH`] for peers that have not proved who they
/// are, [`XmlLimits::POST_AUTH`] for those that have. RFC 6120 §13.12 wants at least 10,000
/// bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct XmlLimits {
    /// Bytes of one frame. Stops a stanza that never ends from filling memory.
    pub stanza_max: usize,
    /// Elements inside each other, the stanza being the first. Stops deep recursion in
    /// whoever walks the tree.
    pub depth_max: usize,
    /// Elements of one frame. Stops many tiny elements from making an index that is much
    /// larger than the bytes.
    pub elements_max: usize,
    /// Attributes of one element, namespace declarations included. Bounds the work of the
    /// duplicate check.
    pub attributes_max: usize,
    /// Namespace declarations in scope. Bounds the work of finding a prefix.
    pub namespaces_max: usize,
    /// Bytes of one qualified name.
    pub name_max: usize,
    /// Bytes of one attribute value, as written.
    pub value_max: usize,
}

impl XmlLimits {
    /// Before authentication: 16 KiB, depth 16, 256 elements, 32 attributes, 16 namespaces.
    pub const PRE_AUTH: Self = Self {
        stanza_max: 16 * 1024,
        depth_max: 16,
        elements_max: 256,
        attributes_max: 32,
        namespaces_max: 16,
        name_max: 256,
        value_max: 4 * 1024,
    };

    /// After authentication: 1 MiB, depth 100, 50,000 elements, 64 attributes, 64 namespaces.
    pub const POST_AUTH: Self = Self {
        stanza_max: 1024 * 1024,
        depth_max: 100,
        elements_max: 50_000,
        attributes_max: 64,
        namespaces_max: 64,
        name_max: 1024,
        value_max: 64 * 1024,
    };

    /// Sets [`XmlLimits::stanza_max`], in bytes.
    #[must_use]
    pub const fn with_stanza_max(mut self, bytes: usize) -> Self {
        self.stanza_max = bytes;
        self
    }

    /// Sets [`XmlLimits::depth_max`].
    #[must_use]
    pub const fn with_depth_max(mut self, depth: usize) -> Self {
        self.depth_max = depth;
        self
    }

    /// Sets [`XmlLimits::elements_max`].
    #[must_use]
    pub const fn with_elements_max(mut self, count: usize) -> Self {
        self.elements_max = count;
        self
    }

    /// Sets [`XmlLimits::attributes_max`].
    #[must_use]
    pub const fn with_attributes_max(mut self, count: usize) -> Self {
        self.attributes_max = count;
        self
    }

    /// Sets [`XmlLimits::namespaces_max`].
    #[must_use]
    pub const fn with_namespaces_max(mut self, count: usize) -> Self {
        self.namespaces_max = count;
        self
    }

    /// Sets [`XmlLimits::name_max`], in bytes (at most 65,535).
    #[must_use]
    pub const fn with_name_max(mut self, bytes: usize) -> Self {
        self.name_max = bytes;
        self
    }

    /// Sets [`XmlLimits::value_max`], in bytes.
    #[must_use]
    pub const fn with_value_max(mut self, bytes: usize) -> Self {
        self.value_max = bytes;
        self
    }

    /// Offsets are kept in 32 bits.
    pub(super) fn clamped(mut self) -> Self {
        self.stanza_max = self.stanza_max.min(u32::MAX as usize / 2);
        self
    }
}

impl Default for XmlLimits {
    fn default() -> Self {
        Self::POST_AUTH
    }
}
