//! What other programs answer in XML: small documents, bounded, read by the local names of their
//! elements.

use roxmltree::{Document, Node, ParsingOptions};

/// The most elements and texts in a document.
const MOST_NODES: u32 = 1 << 20;

/// Why a document was not read.
#[derive(Debug)]
pub(super) struct Malformed(String);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// An element.
#[derive(Clone, Copy)]
pub(super) struct Element<'a>(Node<'a, 'a>);

/// Hands the outermost element to `take`. No document type is read, so that no entity grows.
pub(super) fn read<T>(bytes: &[u8], take: impl FnOnce(Element<'_>) -> T) -> Result<T, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|e| Malformed(e.to_string()))?;
    // S3 keeps a connection open with spaces.
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document =
        Document::parse_with_options(text, options).map_err(|e| Malformed(e.to_string()))?;
    Ok(take(Element(document.root_element())))
}

impl<'a> Element<'a> {
    /// Its name, without a namespace.
    pub fn name(self) -> &'a str {
        self.0.tag_name().name()
    }

    /// The elements directly in it.
    pub fn children(self) -> impl Iterator<Item = Self> {
        self.0.children().filter(Node::is_element).map(Element)
    }

    /// The elements of that name directly in it.
    pub fn all(self, name: &str) -> impl Iterator<Item = Self> {
        self.children().filter(move |child| child.name() == name)
    }

    /// The first element of that name directly in it.
    pub fn child(self, name: &str) -> Option<Self> {
        self.all(name).next()
    }

    /// The text of the first element of that name directly in it.
    pub fn text_of(self, name: &str) -> Option<&'a str> {
        self.child(name).map(Self::text)
    }

    /// Its text.
    pub fn text(self) -> &'a str {
        self.0.text().unwrap_or_default().trim()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_by_their_local_names() {
        let text =
            b"\xef\xbb\xbf<?xml version='1.0'?><a xmlns:x='y'><x:b> 1 </x:b><c/><b>2</b></a>";
        let all = read(text, |root| {
            assert_eq!(
                (root.name(), root.text_of("b"), root.text_of("c")),
                ("a", Some("1"), Some(""))
            );
            root.all("b").map(|b| b.text().to_owned()).collect::<Vec<_>>()
        });
        assert_eq!(all.unwrap(), ["1", "2"]);
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let entities = "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>";
        for wrong in ["", "x", "<a>", "<a></b>", "<a/><b/>", entities] {
            assert!(read(wrong.as_bytes(), |_| ()).is_err(), "{wrong}");
        }
        assert!(read(b"<a>\xff</a>", |_| ()).is_err());
        let deep = "<a>".repeat(500_000);
        assert!(read(deep.as_bytes(), |_| ()).is_err());
        let deep = "<a>".repeat(100_000) + &"</a>".repeat(100_000);
        let _ = read(deep.as_bytes(), |_| ());
    }
}
