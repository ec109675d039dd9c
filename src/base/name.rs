//! A macro for the names of things, so that a service can never be passed where an environment is meant.

/// Declares a name: a [`Raw`](crate::base::Raw) text with a type of its own.
#[macro_export]
macro_rules! names {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $crate::base::Raw);

        impl $name {
            /// The name as the world writes it: for requests and comparisons.
            #[must_use]
            pub fn as_wire(&self) -> &str { self.0.as_wire() }
            /// The name as it may be shown.
            #[must_use]
            pub fn shown(&self) -> $crate::base::Safe { self.0.shown() }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self { Self($crate::base::Raw::new(text)) }
        }

        impl ::std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str { self.0.as_wire() }
        }
    )*};
}
