//! What PROPFIND answers (RFC 4918, section 9.1).

use super::super::xml::{self, Element};
use crate::base::url;

/// What is asked for: what each thing is, and how long.
pub(super) const QUESTION: &[u8] = b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\
    <propfind xmlns=\"DAV:\"><prop><resourcetype/><getcontentlength/></prop></propfind>";

/// What the server tells of one path.
pub(super) struct Entry {
    /// The path in its URL, decoded.
    pub path: Vec<u8>,
    /// What is there.
    pub kind: Kind,
}

/// What is at a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    /// A file of so many bytes.
    File(u64),
}

/// The entries of an answer; the error says why it is none.
pub(super) fn entries(body: &[u8]) -> Result<Vec<Entry>, String> {
    xml::read(body, |root| {
        if root.name() != "multistatus" {
            return Err(format!("its answer is {:?}", root.name()));
        }
        root.all("response").map(entry).collect()
    })
    .map_err(|malformed| malformed.to_string())?
}

fn entry(response: Element<'_>) -> Result<Entry, String> {
    let href = response.text_of("href").unwrap_or_default();
    let path = match href.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => href,
    };
    let path = url::decode_path(path).filter(|path| path.starts_with(b"/"));
    let path = path.ok_or_else(|| format!("it tells of {href:?}"))?;
    // What it cannot tell of stands in a propstat of its own, empty.
    let told = || response.all("propstat").filter_map(|stat| stat.child("prop"));
    let folder = told()
        .filter_map(|prop| prop.child("resourcetype"))
        .any(|kind| kind.child("collection").is_some());
    if folder {
        return Ok(Entry { path, kind: Kind::Folder });
    }
    let mut lengths = told().filter_map(|prop| prop.text_of("getcontentlength"));
    let length = lengths.find_map(|text| text.parse().ok());
    let length = length.ok_or_else(|| format!("it does not tell how long {href:?} is"))?;
    Ok(Entry { path, kind: Kind::File(length) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Vec<(String, Kind)>, String> {
        let text = |path| String::from_utf8(path).unwrap();
        Ok(entries(body.as_bytes())?.into_iter().map(|e| (text(e.path), e.kind)).collect())
    }

    #[test]
    fn answers_of_nginx_and_apache_are_read() {
        let nginx = r#"<?xml version="1.0" encoding="utf-8" ?>
<D:multistatus xmlns:D="DAV:">
<D:response><D:href>/dav/a/</D:href><D:propstat><D:prop>
<D:resourcetype><D:collection/></D:resourcetype></D:prop>
<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>
<D:response><D:href>/dav/a/b%7Ec.snap</D:href><D:propstat><D:prop>
<D:resourcetype></D:resourcetype><D:getcontentlength>17</D:getcontentlength></D:prop>
<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>"#;
        let wanted =
            vec![("/dav/a/".into(), Kind::Folder), ("/dav/a/b~c.snap".into(), Kind::File(17))];
        assert_eq!(read(nginx).unwrap(), wanted);
        let apache = r#"<D:multistatus xmlns:D="DAV:" xmlns:ns0="DAV:">
<D:response xmlns:lp1="DAV:"><D:href>http://h:1/dav/x</D:href>
<D:propstat><D:prop><lp1:resourcetype/><lp1:getcontentlength>0</lp1:getcontentlength></D:prop>
<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>
<D:response xmlns:lp1="DAV:"><D:href>http://h:1</D:href>
<D:propstat><D:prop><lp1:resourcetype><D:collection/></lp1:resourcetype></D:prop>
<D:status>HTTP/1.1 200 OK</D:status></D:propstat>
<D:propstat><D:prop><D:getcontentlength/></D:prop>
<D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response></D:multistatus>"#;
        let wanted = vec![("/dav/x".into(), Kind::File(0)), ("/".into(), Kind::Folder)];
        assert_eq!(read(apache).unwrap(), wanted);
    }

    #[test]
    fn what_is_no_listing_is_refused() {
        let one = |inner: &str| format!("<multistatus><response>{inner}</response></multistatus>");
        let file = "<propstat><prop><getcontentlength>1</getcontentlength></prop></propstat>";
        assert!(read(&one(&format!("<href>/a</href>{file}"))).is_ok());
        for wrong in [
            "<html/>".to_owned(),
            one(file),
            one(&format!("<href>a</href>{file}")),
            one(&format!("<href>/%x</href>{file}")),
            one("<href>/a</href>"),
            one(
                "<href>/a</href><propstat><prop><getcontentlength>x</getcontentlength></prop></propstat>",
            ),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }
}
