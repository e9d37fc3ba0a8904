//! Forms with files (RFC 7578), read whole into memory: names and values in their order, a file's name beside its content.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Multipart};
use axum::http::{Request, header};

/// Reads a form; nothing where it is none. A file gives two fields: `name` with what stands in it, `name:file` with its own name; a place
/// in which no file was chosen gives none. Bytes that are no UTF-8 become replacement characters: no page here takes other than text.
pub(crate) async fn read(content_type: &str, body: Bytes, fields_max: usize) -> Option<Vec<(String, String)>> {
    let request = Request::builder().header(header::CONTENT_TYPE, content_type).body(Body::from(body)).ok()?;
    let mut parts = Multipart::from_request(request, &()).await.ok()?;
    let mut out = Vec::new();
    while let Some(part) = parts.next_field().await.ok()? {
        let name = unescaped(part.name()?);
        let file = part.file_name().map(unescaped);
        let content = part.bytes().await.ok()?;
        let content = String::from_utf8_lossy(&content);
        match file {
            None => out.push((name, content.replace("\r\n", "\n"))),
            Some(file) if file.is_empty() => {}
            Some(file) => {
                out.push((format!("{name}:file"), file));
                out.push((name, content.into_owned()));
            }
        }
        if out.len() > fields_max {
            return None;
        }
    }
    Some(out)
}

/// Browsers write quotes and line ends of a name as `%22`, `%0D` and `%0A` (HTML, multipart form data).
fn unescaped(name: &str) -> String {
    name.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=----x";

    fn form(parts: &[(&str, &str)]) -> String {
        parts.iter().map(|(head, body)| format!("------x\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n")).collect::<String>() + "------x--\r\n"
    }

    async fn pairs(kind: &str, body: &str, most: usize) -> Option<Vec<(String, String)>> {
        read(kind, Bytes::copy_from_slice(body.as_bytes()), most).await
    }

    #[tokio::test]
    async fn fields_and_files_come_out_as_they_went_in() {
        let body = form(&[
            ("name=\"csrf\"", "t"),
            ("name=\"text\"", "a\r\nb"),
            ("name=\"file\"; filename=\"say %22x%22.txt\"\r\nContent-Type: text/plain", "c\r\n\r\nd\r\n--no"),
            ("name=\"file\"; filename=\"\"", ""),
        ]);
        let of = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        let wanted = [of("csrf", "t"), of("text", "a\nb"), of("file:file", "say \"x\".txt"), of("file", "c\r\n\r\nd\r\n--no")];
        assert_eq!(pairs(KIND, &body, 10).await.unwrap(), wanted, "a file keeps its line ends, a text area has ours");
        assert_eq!(pairs(KIND, "------x--\r\n", 10).await.unwrap(), []);
    }

    #[tokio::test]
    async fn what_is_cut_or_too_much_is_no_form() {
        let body = form(&[("name=\"a\"", "1"), ("name=\"b\"", "2")]);
        for end in 0..body.len() - 4 {
            assert_eq!(pairs(KIND, &body[..end], 10).await, None, "cut at {end}");
        }
        assert_eq!(pairs("multipart/form-data", &body, 10).await, None);
        assert_eq!(pairs("multipart/form-data; boundary=y", &body, 10).await, None);
        assert_eq!(pairs(KIND, &body, 1).await, None);
    }
}
