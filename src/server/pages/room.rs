//! The chat room beside the folder, before the user has joined. It needs JavaScript; without it, the style sheet
//! hides it.

use maud::{Markup, html};

use crate::chat::name::MAX_NAME;
use crate::chat::text::MAX_TEXT;
use crate::http::target::encode_path;
use crate::path::SharePath;
use crate::server::base::Base;

/// The chat room beside the directory at this path, for a visitor who has this name or chooses one. The links of uploads below
/// that directory start with `data-of`.
pub(super) fn room(base: &Base, directory: &SharePath, name: Option<&str>) -> Markup {
    let slash = if directory.is_root() { "" } else { "/" };
    html! {
        aside #room .js data-of={ (base) "/" (encode_path(directory.as_bytes())) (slash) } aria-labelledby="room-head" {
            header {
                h2 #room-head { "Chat" }
                p #state role="status" {}
                button #leave .quiet type="button" hidden { "Leave" }
                button #close-room .quiet type="button" { "Close" }
            }
            form #join {
                label for="user" { "Your name" }
                div .row {
                    input #user name="user" required maxlength=[name.is_none().then_some(MAX_NAME)]
                        value=[name] readonly[name.is_some()]
                        autocomplete="nickname" autocapitalize="off" spellcheck="false";
                    button { "Join" }
                }
                p .hint { "Chat with the people who use this folder. New uploads appear here." }
            }
            div #talk hidden {
                ul #people aria-label="People in the chat" {}
                div #log role="log" aria-label="Messages" tabindex="0" {}
                form #say {
                    button #to type="button" hidden {}
                    label .unseen for="text" { "Message" }
                    div .row {
                        input #text name="text" maxlength=(MAX_TEXT) autocomplete="off" placeholder="Message";
                        button { "Send" }
                    }
                }
            }
        }
    }
}
