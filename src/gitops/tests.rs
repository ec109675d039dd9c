//! Real repositories → what they want, and how it came about.
