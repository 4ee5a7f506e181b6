//! The chat room beside the folder, before the user has joined. It needs JavaScript; without it, the style sheet
//! hides it.

use maud::{Markup, html};

use crate::chat::name::MAX_NAME;
use crate::chat::text::MAX_TEXT;
use crate::http::target::encode_path;
use crate::path::SharePath;
use crate::server::base::Base;
use crate::server::pages::words;

/// The chat room beside the directory at this path, for a visitor who has this name or chooses one. The links of uploads below
/// that directory start with `data-of`.
pub(super) fn room(base: &Base, directory: &SharePath, name: Option<&str>) -> Markup {
    let slash = if directory.is_root() { "" } else { "/" };
    html! {
        aside #room .js data-of={ (base) "/" (encode_path(directory.as_bytes())) (slash) } aria-labelledby="room-head" {
            header {
                h2 #room-head { (words::CHAT) }
                p #state role="status" {}
                button #leave .quiet type="button" hidden { (words::LEAVE) }
                button #close-room .quiet type="button" { (words::HIDE) }
            }
            form #join {
                label for="user" { (words::YOUR_NAME) }
                div .row {
                    input #user name="user" required maxlength=[name.is_none().then_some(MAX_NAME)]
                        value=[name] readonly[name.is_some()]
                        autocomplete="nickname" autocapitalize="off" spellcheck="false";
                    button { (words::JOIN) }
                }
                p .hint { (words::ABOUT_CHAT) }
            }
            div #talk hidden {
                ul #people aria-label=(words::PEOPLE_HERE) {}
                div #log role="log" aria-label=(words::MESSAGES) tabindex="0" {}
                form #say {
                    button #to type="button" hidden {}
                    label .unseen for="text" { (words::MESSAGE) }
                    div .row {
                        textarea #text name="text" rows="1" maxlength=(MAX_TEXT) enterkeyhint="send" autocomplete="off" placeholder=(words::MESSAGE) {}
                        button { (words::SEND) }
                    }
                }
            }
        }
    }
}
