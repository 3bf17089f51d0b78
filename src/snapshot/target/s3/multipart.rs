//! Objects of several parts: they come into being when the upload of them is completed.

use std::fmt::Write as _;
use std::io::Read;

use super::super::exactly::Exactly;
use super::super::{Name, TargetError};
use super::refusal::Refusal;
use super::{MOST_BODY, PART, S3Target};
use crate::base::url;

/// An upload that was begun.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Upload {
    key: String,
    id: String,
}

impl S3Target {
    /// Puts a large object: `part` is the room for a part of it.
    pub(super) fn put_in_parts(
        &self,
        name: &Name,
        length: u64,
        content: &mut Exactly<&mut dyn Read>,
        part: &mut Vec<u8>,
    ) -> Result<(), TargetError> {
        // The answer may be lost of an upload that was begun.
        let begun = self.begin(name.as_str()).inspect_err(|_| self.leftovers.fail(name.folder()));
        let upload = begun?;
        self.leftovers.attempt(
            name.folder(),
            &upload,
            || {
                let mut tags = Vec::new();
                let mut left = length;
                while left > 0 {
                    let next = left.min(PART);
                    Self::read_part(content, part, next).map_err(TargetError::Source)?;
                    tags.push(self.send_part(&upload, tags.len() + 1, part)?);
                    left -= next;
                }
                self.complete(&upload, &tags)
            },
            || self.abort(&upload),
        )
    }

    fn begin(&self, key: &str) -> Result<Upload, TargetError> {
        let encryption = self.settings.encryption();
        let reply = self.send("POST", key, &[("uploads", "")], &encryption, &[])?;
        let id = self.answer(reply, "InitiateMultipartUploadResult", |root| {
            root.text_of("UploadId").filter(|id| !id.is_empty()).map(str::to_owned)
        })?;
        Ok(Upload { key: key.to_owned(), id })
    }

    /// The tag that the server gives a part.
    fn send_part(
        &self,
        upload: &Upload,
        number: usize,
        part: &[u8],
    ) -> Result<String, TargetError> {
        let number = number.to_string();
        let pairs = [("partNumber", &*number), ("uploadId", &*upload.id)];
        let reply = self.send("PUT", &upload.key, &pairs, &[], part)?;
        let tag = reply.header("ETag").filter(|tag| !tag.contains(['<', '&']));
        let missing = || {
            let text = format!("{} took a part and gave no tag for it", self.web.base);
            TargetError::Failed(text)
        };
        tag.map(str::to_owned).ok_or_else(missing)
    }

    fn complete(&self, upload: &Upload, tags: &[String]) -> Result<(), TargetError> {
        let mut parts = String::new();
        for (tag, number) in tags.iter().zip(1..) {
            // Writing into a string cannot fail.
            let _ =
                write!(parts, "<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
        }
        let body = format!(
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{parts}\
             </CompleteMultipartUpload>"
        );
        let pairs = [("uploadId", &*upload.id)];
        let reply = self.send("POST", &upload.key, &pairs, &[], body.as_bytes())?;
        // It begins to answer before it knows the outcome: a success may turn out to be none.
        let date = reply.header("Date").map(str::to_owned);
        let body = self.web.body(reply, MOST_BODY)?;
        let root = super::xml::read(&body, |root| root.name().to_owned()).unwrap_or_default();
        if root == "CompleteMultipartUploadResult" {
            return Ok(());
        }
        let keys = self.settings.keys().map_err(|e| TargetError::Denied(e.to_string()))?;
        let refusal = Refusal::read(500, &body, date.as_deref(), None, &keys);
        Err(self.told(&refusal, "POST", &upload.key))
    }

    /// Gives an upload up; one that is no more is given up already.
    pub(super) fn abort(&self, upload: &Upload) -> Result<(), TargetError> {
        let pairs = [("uploadId", &*upload.id)];
        match self.send("DELETE", &upload.key, &pairs, &[], &[]) {
            Ok(_) | Err(TargetError::Absent(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The uploads of names directly in a folder. At the root of a bucket there are others'.
    pub(super) fn uploads_in(&self, folder: &str) -> Result<Vec<Upload>, TargetError> {
        if folder.is_empty() {
            return Ok(Vec::new());
        }
        let prefix = format!("{folder}/");
        let pairs = [("uploads", ""), ("encoding-type", "url"), ("prefix", &*prefix)];
        let reply = match self.send("GET", "", &pairs, &[], &[]) {
            Ok(reply) => reply,
            // A server or a key that cannot list them hinders no put.
            Err(TargetError::Denied(_) | TargetError::Failed(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        self.answer(reply, "ListMultipartUploadsResult", |root| {
            let encoded = root.text_of("EncodingType") == Some("url");
            let upload = |upload: super::xml::Element<'_>| {
                let key = upload.text_of("Key")?;
                let key = if encoded { url::decode_query(key)? } else { key.to_owned() };
                let own = Name::parse(key.clone()).is_some_and(|name| name.folder() == folder);
                let id = upload.text_of("UploadId")?.to_owned();
                own.then_some(Upload { key, id })
            };
            Some(root.all("Upload").filter_map(upload).collect())
        })
    }
}
